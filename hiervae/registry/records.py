"""Writes parts into configs and saved models, and rebuilds them from there."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from hiervae.errors import (
    BrokenPluginError,
    DamagedFileError,
    HiervaeError,
    IncompatiblePluginError,
    UnknownPluginError,
)
from hiervae.registry import explanations
from hiervae.registry.construction import check_class, check_instance
from hiervae.registry.resolution import entry_of, find_recorded, load_entry
from hiervae.registry.roles import part_label
from hiervae.types import PartRecord
from hiervae.utils.constructors import KERAS_OPTIONS, option_names

T = TypeVar("T")

_FIELDS = ("module", "class_name", "config", "registered_name")
"""What is kept of Keras' serialised form of a class that no entry point names."""

_MARK = "__keras_object__"
"""The only key of the JSON form of a Keras object."""


def describe(group: str, part: object, complete: bool = False) -> dict[str, Any]:
    """Return a record of `part` that `restore` rebuilds it from; it survives JSON.

    Args:
        group: entry-point group, one of `GROUPS`.
        part: an instance with `get_config()`.
        complete: refuse a config that lacks some argument of the constructor, whose default would
            be taken when the part is rebuilt.

    Returns:
        The fields of `hiervae.types.PartRecord`. A class that no entry point names, such as one
        of the user's script, has no name; its config is then Keras' own serialised form.

    Raises:
        IncompatiblePluginError: if the part has no `get_config()`, or it fails, or it returns
            what cannot be written as JSON, or is not `complete` where that is asked for.
        RegistryError: if there is no such group or hiervae itself is not installed.
    """
    kind = part_label(group)
    if isinstance(part, type):
        raise IncompatiblePluginError(
            f"The {kind} to describe is the class {part.__qualname__}. Expected an instance."
        )
    entry = entry_of(group, type(part))
    if entry is None:
        config = _describe_custom_object(kind, part)
        if complete:
            _check_complete(f"{kind} {type(part).__qualname__!r}", type(part), config["config"])
        return asdict(PartRecord(None, None, None, config))
    what = f"{kind} {entry.name!r} ({entry.origin})"
    config = _config_of(what, part)
    if complete:
        _check_complete(what, type(part), config)
    return asdict(PartRecord(entry.name, entry.distribution, entry.version, config))


def restore(group: str, record: Mapping[str, Any], base: type[T]) -> T:
    """Rebuild the part that `describe` wrote.

    A part that was saved with a newer version of its distribution than is installed is rebuilt
    with a warning that says what to install.

    Args:
        group: entry-point group, one of `GROUPS`.
        record: what `describe` returned, also after a way through JSON.
        base: the class that parts of this group derive from.

    Raises:
        UnknownPluginError: if the distribution, or the user's own class, is not there; the
            message says what to install, or how to make the class known.
        PluginConflictError: if the distribution offers the name more than once.
        BrokenPluginError: if importing the plugin or rebuilding from the config fails, or its
            entry is refused.
        IncompatiblePluginError: if the part does not derive from `base` or was written for
            another interface version.
        DamagedFileError: if `record` is not what `describe` returns.
        RegistryError: if there is no such group or hiervae itself is not installed.
    """
    kind = part_label(group)
    saved = _checked_record(kind, record)
    if saved.name is None:
        return check_instance(kind, _restore_custom_object(kind, saved.config), base, None)
    entry = find_recorded(group, saved)
    part_class: Any = check_class(kind, load_entry(entry), base, entry)
    try:
        part = part_class.from_config(_from_json(saved.config))
    except HiervaeError:
        raise
    except Exception as error:
        raise BrokenPluginError(explanations.not_rebuilt(kind, entry, saved, error)) from error
    part = check_instance(kind, part, base, entry)
    if _is_newer(saved.version, entry.version):
        warnings.warn(explanations.older_than_saved(kind, entry, saved), stacklevel=2)
    return part


def _config_of(what: str, part: Any) -> dict[str, Any]:
    try:
        config = part.get_config()
    except Exception as error:
        raise IncompatiblePluginError(
            f"The {what} cannot be saved: get_config() failed with {explanations.reason(error)}. "
            "Expected the constructor's arguments; define get_config() on the class."
        ) from error
    if not isinstance(config, Mapping):
        raise IncompatiblePluginError(
            f"The {what} cannot be saved: get_config() returned {config!r}. Expected a dict of "
            "the constructor's arguments."
        )
    plain: dict[str, Any] = _to_json(config, f"The {what} cannot be saved: its config")
    return plain


def _check_complete(what: str, part_class: type, config: Mapping[str, Any]) -> None:
    """Refuse a config without some of the constructor's arguments: their defaults would be taken.

    Raises:
        IncompatiblePluginError: if one is missing.
    """
    owner = next(each for each in part_class.__mro__ if "get_config" in vars(each))
    if owner.__module__.split(".")[0] == "keras":
        return  # it keeps what the constructor was called with by itself
    names = [name for name in option_names(part_class) if name not in KERAS_OPTIONS]
    missing = [name for name in names if name not in config]
    if missing:
        raise IncompatiblePluginError(
            f"The {what} cannot be saved: get_config() lacks the constructor's "
            f"{', '.join(map(repr, missing))}, and what is loaded would have the default. Return "
            "{**super().get_config(), name: value} with every argument."
        )


def _is_newer(saved: str | None, installed: str | None) -> bool:
    """Whether the version of a record is above the installed one; False where it is no version."""
    if saved is None or installed is None or saved == installed:
        return False
    from packaging.version import InvalidVersion, Version

    try:
        return Version(saved) > Version(installed)
    except InvalidVersion:
        return False


def _checked_record(kind: str, record: object) -> PartRecord:
    if isinstance(record, Mapping):
        values = {field: record.get(field) for field in ("name", "distribution", "version")}
        config = record.get("config")
        texts = all(value is None or isinstance(value, str) for value in values.values())
        if texts and isinstance(config, Mapping) and (values["name"] or _is_serialized(config)):
            return PartRecord(**values, config=dict(config))
    raise DamagedFileError(
        f"The saved record of the {kind} is {record!r}. Expected a dict with name, distribution, "
        "version and config, as hiervae.registry.describe returns it; use an intact file."
    )


def _describe_custom_object(kind: str, part: object) -> dict[str, Any]:
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
            f"The {kind} {name!r} cannot be saved: {explanations.reason(error)}. Expected "
            "get_config() to return the constructor's arguments; define it on the class."
        ) from error
    # The model builds the part; Keras would do so before the part knows its model.
    kept = {field: serialized[field] for field in _FIELDS}
    plain: dict[str, Any] = _to_json(kept, f"The {kind} {name!r} cannot be saved: its record")
    return plain


def _is_serialized(config: Mapping[str, Any]) -> bool:
    """Whether `config` can be what `_describe_custom_object` wrote."""
    return config.keys() >= set(_FIELDS) and isinstance(config["class_name"], str)


def _restore_custom_object(kind: str, config: Mapping[str, Any]) -> object:
    """Rebuild what `_describe_custom_object` wrote, from the classes that Keras knows.

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
            f"{explanations.reason(error)}. Make from_config() accept what get_config() returned."
        ) from error


def _to_json(value: Any, where: str) -> Any:
    """Return `value` in plain JSON types; tuples become lists, Keras objects their serialised form.

    Args:
        value: a value of a config.
        where: what the value belongs to, for the message.

    Raises:
        IncompatiblePluginError: if the value has no such form.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_to_json(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise IncompatiblePluginError(f"{where} has the key {key!r}. Expected a string.")
        return {key: _to_json(item, f"{where}[{key!r}]") for key, item in value.items()}
    serialized = _serialize(value, where)
    if not isinstance(serialized, dict):  # a NumPy number, say
        return _to_json(serialized, where)
    return {_MARK: _to_json(serialized, where)}


def _from_json(value: Any) -> Any:
    """Return what `_to_json` was given, tuples apart."""
    if isinstance(value, (list, tuple)):
        return [_from_json(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if set(value) == {_MARK}:
        import keras

        return keras.saving.deserialize_keras_object(value[_MARK])
    return {key: _from_json(item) for key, item in value.items()}


def _serialize(value: Any, where: str) -> Any:
    import keras

    try:
        return keras.saving.serialize_keras_object(value)
    except Exception as error:
        raise IncompatiblePluginError(
            f"{where} is {value!r} of type {type(value).__name__}, which cannot be written as "
            "JSON. Let get_config() return numbers, strings, lists, dicts or Keras objects."
        ) from error
