"""Parts whose class no entry point names, such as one of the user's own script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hiervae.errors import BrokenPluginError, IncompatiblePluginError, UnknownPluginError
from hiervae.registry.explanations import reason
from hiervae.registry.json_values import to_json

_FIELDS = ("module", "class_name", "config", "registered_name")


def describe_custom_object(kind: str, part: object) -> dict[str, Any]:
    """Keras' serialised form of `part`, in plain JSON types.

    Raises:
        IncompatiblePluginError: if the part cannot say its config, or not in JSON.
    """
    import keras

    name = type(part).__qualname__
    try:
        serialized = keras.saving.serialize_keras_object(part)
    except Exception as error:
        raise IncompatiblePluginError(
            f"The {kind} {name!r} cannot be saved: {reason(error)}. Expected get_config() to "
            "return the constructor's arguments; define it on the class."
        ) from error
    # The model builds the part; Keras would do so before the part knows its model.
    kept = {field: serialized[field] for field in _FIELDS}
    plain: dict[str, Any] = to_json(kept, f"The {kind} {name!r} cannot be saved: its record")
    return plain


def is_serialized(config: Mapping[str, Any]) -> bool:
    """Whether `config` can be what `describe_custom_object` wrote."""
    return config.keys() >= set(_FIELDS) and isinstance(config["class_name"], str)


def restore_custom_object(kind: str, config: Mapping[str, Any]) -> object:
    """Rebuild what `describe_custom_object` wrote, from the classes that Keras knows.

    Raises:
        UnknownPluginError: if Keras knows no such class.
        BrokenPluginError: if the class cannot be rebuilt from the config.
    """
    import keras

    class_name, module = config.get("class_name"), config.get("module")
    registered_name = config.get("registered_name") or class_name
    from_keras = module is not None and str(module).split(".")[0] == "keras"
    if not from_keras and keras.saving.get_registered_object(registered_name) is None:
        defined_in = f"import the module {module!r} that defines it" if module else "define it"
        raise UnknownPluginError(
            f"The {kind} {class_name!r} is a class of a user, not of an installed plugin, and "
            "Keras does not know it. Decorate it with @keras.saving.register_keras_serializable() "
            f"and {defined_in} before loading, or pass "
            f"custom_objects={{{registered_name!r}: {class_name}}} to keras.models.load_model."
        )
    try:
        return keras.saving.deserialize_keras_object(dict(config))
    except Exception as error:
        raise BrokenPluginError(
            f"The {kind} {class_name!r} cannot be rebuilt from its saved config: "
            f"{reason(error)}. Make from_config() accept what get_config() returned."
        ) from error
