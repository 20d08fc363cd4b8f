"""The part under check: fresh copies of it, its config, and the arguments it takes."""

from __future__ import annotations

import copy
import inspect
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras

from hiervae import registry
from hiervae.testing.check import Check
from hiervae.utils.constructors import option_names
from hiervae.utils.seeding import construction_scope
from hiervae.utils.versioned import VersionedOptions

ROLES = {role.group: role.name for role in registry.ROLES.values()}
"""The argument of a model that takes a part of a group."""


class Subject:
    """What is checked: fresh copies of it, and how its failures are called.

    An instance that the caller passes is only asked for its config, never composed into a model.

    Args:
        group: entry-point group of the part.
        base: class that parts of the group derive from.
        spec: a name, `"distribution:name"`, a config, a class or an instance.
        options: constructor arguments beside a name, a config or a class.

    Raises:
        RegistryError: if the name is unknown or stands for several parts.
        IncompatiblePluginError: if the class is abstract or not of the kind.
        ValueError: if an option is refused, or options are given beside an instance.
        ConformanceError: if a method does not take the arguments of its base class, or the part
            cannot be rebuilt from its config.
    """

    def __init__(self, group: str, base: type[Any], spec: Any, options: Mapping[str, Any]) -> None:
        self.group = group
        self.base = base
        first = registry.create(group, _with_options(spec, base, options), base)
        self.part_class = type(first)
        name = keras.saving.get_registered_name(self.part_class)
        self.custom_objects = {name: self.part_class}
        self.part = f"check_{ROLES[group]}({self.part_class.__name__})"
        self._check_signatures()
        with self.scope():
            self.record = self._checked_record(first, _options_of(spec, options))
            if isinstance(first, VersionedOptions) and first.live_options:
                self._check_live_options(first.live_options)

    def check(self, name: str, fix: str, fix_suits_exceptions: bool = False) -> Check:
        """A named check of this part; the arguments are those of `Check`."""
        return Check(self.part, name, fix, self.part_class.__module__, fix_suits_exceptions)

    @contextmanager
    def scope(self) -> Iterator[None]:
        """The setting of all checks of a part.

        Keras knows the class, so that one of a script can be saved and loaded too; and initial
        weights are the same at every call, so that a check passes always or never.
        """
        with (
            keras.saving.custom_object_scope(self.custom_objects),
            construction_scope(0, keras.config.dtype_policy()),
        ):
            yield

    def fresh(self, dtype: str | None = None) -> Any:
        """A new part with the options of the one given; used within `scope()`.

        Args:
            dtype: another dtype policy for a part that is a Keras layer.
        """
        record = copy.deepcopy(self.record)
        options = record["config"] if record["name"] else record["config"]["config"]
        if dtype is not None and "dtype" in options:
            options["dtype"] = dtype
        return registry.restore(self.group, record, self.base)

    def _check_signatures(self) -> None:
        fix = "Give the method the arguments of its base class, under their names."
        with self.check("signature", fix) as check:
            for got, expected in refused_calls(self.part_class, self.base):
                check.require(False, got, expected)

    def _checked_record(self, first: Any, options: Mapping[str, Any]) -> dict[str, Any]:
        with self.check("config", "Let get_config() return every constructor argument.") as check:
            config = first.get_config()
            check.require(
                isinstance(config, Mapping), f"get_config() = {config!r}", "a dict of arguments"
            )
            for name in option_names(self.part_class):
                check.require(
                    name in config,
                    f"get_config() without the constructor's argument {name!r}",
                    "all arguments in it",
                )
            for name, given in options.items():
                kept = config.get(name)
                check.require(
                    not _is_plain(given) or not _is_plain(kept) or given == kept,
                    f"get_config()[{name!r}] = {kept!r} of a part made with {name}={given!r}",
                    "the value that was given",
                )
        fix = (
            "Convert in the constructor or in get_config(): float(...), int(...) or .tolist(); "
            "keras.saving.serialize_keras_object(...) for a Keras object, "
            "hiervae.registry.describe(...) for a part."
        )
        with self.check("config", fix) as check:
            for where, value in non_json_values(config, "get_config()"):
                check.require(
                    False,
                    f"{where} = {value!r} of type {type(value).__name__}",
                    "a JSON value: None, a bool, an int, a finite float, a string, or lists and "
                    "dicts of them",
                )
        with self.check("config", "Let from_config() take what get_config() returns.") as check:
            record: dict[str, Any] = registry.describe(self.group, first)
            record = json.loads(json.dumps(record))
            again = registry.describe(self.group, registry.restore(self.group, record, self.base))
            check.require(
                json.loads(json.dumps(again)) == record,
                f"the config {again['config']} after a round trip through JSON",
                f"{record['config']}",
            )
        return record

    def _check_live_options(self, names: Any) -> None:
        fix = "Name in `live_options` arguments of the constructor that are attributes as well."
        with self.check("live_options", fix) as check:
            is_names = isinstance(names, (tuple, list)) and all(isinstance(n, str) for n in names)
            check.require(is_names, f"live_options = {names!r}", "a tuple of names")
            part = self.fresh()
            for name in names:
                options = [each for each in option_names(self.part_class) if each != "name"]
                check.require(
                    name in options, f"{name!r}, no argument of the constructor", f"{options}"
                )
                check.require(
                    hasattr(part, name), f"no attribute {name!r} after the constructor", "one"
                )
        fix = "Let get_config() return what the attribute is at the time."
        with self.check("live_options", fix) as check:
            part.fix_options()
            for name in names:
                before = getattr(part, name)
                for value in _other_values(before):
                    try:
                        setattr(part, name, value)
                    except ValueError:  # the class refuses this one
                        continue
                    kept = part.get_config()[name]
                    check.require(
                        kept == value,
                        f"get_config()[{name!r}] = {kept!r} of a part whose {name} "
                        f"was set to {value!r}",
                        "the value that was set",
                    )


def _other_values(value: Any) -> list[Any]:
    """Values that may do as well, where that can be told from one."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    return [0.5 * value] if isinstance(value, float) else []


def _with_options(spec: Any, base: type[Any], options: Mapping[str, Any]) -> Any:
    if not options:
        return spec
    if isinstance(spec, str):
        return {"name": spec, **options}
    if isinstance(spec, Mapping):
        return {**spec, **options}
    if isinstance(spec, type):
        return spec(**options)
    raise ValueError(
        f"Received the options {sorted(options)} beside an instance of {type(spec).__name__}; "
        f"expected them beside a name, a config or a class. Give them to its constructor."
    )


def _options_of(spec: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(spec) if isinstance(spec, Mapping) else {}
    given.pop("name", None)
    return {**given, **options}


def _is_plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str))


def refused_calls(part_class: type, base: type) -> Iterator[tuple[str, str]]:
    """Yield the methods that cannot be called like those of `base`: what each takes, and should.

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


def non_json_values(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Yield the places in a config, and what is there, that JSON has no form for.

    A tuple counts as the list that it becomes.

    Args:
        value: a config or a part of one.
        where: what `value` is called.
    """
    if isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from non_json_values(item, f"{where}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield f"a key of {where}", key
            yield from non_json_values(item, f"{where}[{key!r}]")
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield where, value
    elif value is not None and not isinstance(value, (bool, int, str)):
        yield where, value
