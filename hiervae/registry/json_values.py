"""Config values as JSON holds them, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hiervae.errors import IncompatiblePluginError

_MARK = "__keras_object__"


def to_json(value: Any, where: str) -> Any:
    """`value` in plain JSON types; tuples become lists, Keras objects their serialised form.

    Args:
        value: a value of a config.
        where: what the value belongs to, for the message.

    Raises:
        IncompatiblePluginError: if the value has no such form.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [to_json(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise IncompatiblePluginError(f"{where} has the key {key!r}. Expected a string.")
        return {key: to_json(item, f"{where}[{key!r}]") for key, item in value.items()}
    serialized = _serialize(value, where)
    if not isinstance(serialized, dict):  # a NumPy number, say
        return to_json(serialized, where)
    return {_MARK: to_json(serialized, where)}


def from_json(value: Any) -> Any:
    """What `to_json` was given, tuples apart."""
    if isinstance(value, (list, tuple)):
        return [from_json(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if set(value) == {_MARK}:
        import keras

        return keras.saving.deserialize_keras_object(value[_MARK])
    return {key: from_json(item) for key, item in value.items()}


def _serialize(value: Any, where: str) -> Any:
    import keras

    try:
        return keras.saving.serialize_keras_object(value)
    except Exception as error:
        raise IncompatiblePluginError(
            f"{where} is {value!r} of type {type(value).__name__}, which cannot be written as "
            "JSON. Let get_config() return numbers, strings, lists, dicts or Keras objects."
        ) from error
