"""What the constructor of a class takes."""

from __future__ import annotations

import inspect

KERAS_OPTIONS = ("name", "trainable", "dtype")
"""What `keras.layers.Layer.get_config()` keeps of a layer's own arguments."""


def option_names(part_class: type) -> list[str]:
    """Return the names of the arguments that `part_class(...)` takes, those of its bases included.

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
