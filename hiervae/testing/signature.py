"""The arguments that a part takes: of its constructor and of its methods."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

KERAS_OPTIONS = ("name", "trainable", "dtype")
"""What `keras.layers.Layer.get_config()` keeps of a layer's own arguments."""


def option_names(part_class: type) -> list[str]:
    """Names of the arguments that `part_class(...)` takes, those of its bases included.

    Bases are followed as long as constructors hand on `**kwargs`; a constructor that hands them on
    to a Keras layer takes `KERAS_OPTIONS`.
    """
    names: list[str] = []
    for owner in part_class.__mro__:
        constructor = vars(owner).get("__init__")
        if constructor is None or owner is object:
            continue
        if owner.__module__.split(".")[0] == "keras":
            return [*dict.fromkeys([*names, *KERAS_OPTIONS])]
        parameters = list(inspect.signature(constructor).parameters.values())[1:]
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        names += [parameter.name for parameter in parameters if parameter.kind in kinds]
        if inspect.Parameter.VAR_KEYWORD not in [parameter.kind for parameter in parameters]:
            break
    return [*dict.fromkeys(names)]


def refused_calls(part_class: type, base: type) -> Iterator[tuple[str, str]]:
    """The methods of `part_class` that cannot be called like those of `base`: what and expected.

    Arguments without a default are passed by position, so that their names are free; the others
    by name or by position.
    """
    for name, contract in _contract(base).items():
        method = inspect.getattr_static(part_class, name)
        if not inspect.isfunction(method):
            continue
        signature = inspect.signature(method)
        fault = _fault(signature, contract)
        if fault:
            yield f"{name}{_arguments(signature)}, {fault}", f"{name}{_arguments(contract)}"


def _contract(base: type) -> dict[str, inspect.Signature]:
    """The public methods of the package's own base classes.

    `call` is left out, because Keras passes `training` only to a `call` that takes it.
    """
    owners = [owner for owner in base.__mro__ if owner.__module__.split(".")[0] == "hiervae"]
    return {
        name: inspect.signature(method)
        for owner in reversed(owners)
        for name, method in vars(owner).items()
        if inspect.isfunction(method) and name[0] != "_" and name != "call"
    }


def _fault(signature: inspect.Signature, contract: inspect.Signature) -> str:
    parameters = contract.parameters.values()
    required = [each.name for each in parameters if each.default is each.empty]
    optional = [each.name for each in parameters if each.default is not each.empty]
    takes_any_name = any(
        each.kind is inspect.Parameter.VAR_KEYWORD for each in signature.parameters.values()
    )
    for name in optional:
        if name not in signature.parameters and not takes_any_name:
            return f"without the argument {name!r}"
    values: list[Any] = [*required, *optional]
    try:
        signature.bind(*required, **dict.fromkeys(optional))
        bound = signature.bind(*values).arguments
    except TypeError as error:
        return f"which fails with {str(error)!r}"
    swapped = [name for name in optional if bound.get(name, name) != name]
    return f"with the argument {swapped[0]!r} at another position" if swapped else ""


def _arguments(signature: inspect.Signature) -> str:
    """The arguments without annotations and without `self`."""
    parameters = [*signature.parameters.values()][1:]
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    return str(inspect.Signature(bare))
