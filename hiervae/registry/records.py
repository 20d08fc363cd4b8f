"""Writes parts into configs and saved models, and rebuilds them from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from hiervae.errors import (
    BrokenPluginError,
    DamagedFileError,
    HiervaeError,
    IncompatiblePluginError,
)
from hiervae.registry import explanations
from hiervae.registry.compatibility import check_class, check_instance
from hiervae.registry.custom_objects import (
    describe_custom_object,
    is_serialized,
    restore_custom_object,
)
from hiervae.registry.groups import label
from hiervae.registry.json_values import from_json, to_json
from hiervae.registry.lookup import entry_of, find_recorded
from hiervae.registry.resolution import load_entry
from hiervae.types import PartRecord

T = TypeVar("T")


def describe(group: str, part: object) -> dict[str, Any]:
    """A record of `part` that `restore` rebuilds it from; it survives JSON.

    Args:
        group: entry-point group, one of `GROUPS`.
        part: an instance with `get_config()`.

    Returns:
        The fields of `hiervae.types.PartRecord`. A class that no entry point names, such as one
        of the user's script, has no name; its config is then Keras' own serialised form.

    Raises:
        IncompatiblePluginError: if the part has no `get_config()`, or it fails, or it returns
            what cannot be written as JSON.
        RegistryError: if there is no such group or hiervae itself is not installed.
    """
    kind = label(group)
    if isinstance(part, type):
        raise IncompatiblePluginError(
            f"The {kind} to describe is the class {part.__qualname__}. Expected an instance."
        )
    entry = entry_of(group, type(part))
    if entry is None:
        return asdict(PartRecord(None, None, None, describe_custom_object(kind, part)))
    config = _config_of(f"{kind} {entry.name!r} ({entry.origin})", part)
    return asdict(PartRecord(entry.name, entry.distribution, entry.version, config))


def restore(group: str, record: Mapping[str, Any], base: type[T]) -> T:
    """Rebuild the part that `describe` wrote.

    Args:
        group: entry-point group, one of `GROUPS`.
        record: what `describe` returned, also after a way through JSON.
        base: the class that parts of this group derive from.

    Raises:
        UnknownPluginError: if the distribution, or the user's own class, is not there; the
            message says what to install, or how to make the class known.
        PluginConflictError: if the distribution offers the name more than once.
        BrokenPluginError: if importing the plugin or rebuilding from the config fails.
        IncompatiblePluginError: if the part does not derive from `base` or was written for
            another interface version.
        DamagedFileError: if `record` is not what `describe` returns.
        RegistryError: if there is no such group or hiervae itself is not installed.
    """
    kind = label(group)
    saved = _checked_record(kind, record)
    if saved.name is None:
        return check_instance(kind, restore_custom_object(kind, saved.config), base, None)
    entry = find_recorded(group, saved)
    part_class: Any = check_class(kind, load_entry(entry), base, entry)
    try:
        part = part_class.from_config(from_json(saved.config))
    except HiervaeError:
        raise
    except Exception as error:
        raise BrokenPluginError(explanations.not_rebuilt(kind, entry, saved, error)) from error
    return check_instance(kind, part, base, entry)


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
    plain: dict[str, Any] = to_json(config, f"The {what} cannot be saved: its config")
    return plain


def _checked_record(kind: str, record: object) -> PartRecord:
    if isinstance(record, Mapping):
        values = {field: record.get(field) for field in ("name", "distribution", "version")}
        config = record.get("config")
        texts = all(value is None or isinstance(value, str) for value in values.values())
        if texts and isinstance(config, Mapping) and (values["name"] or is_serialized(config)):
            return PartRecord(**values, config=dict(config))
    raise DamagedFileError(
        f"The saved record of the {kind} is {record!r}. Expected a dict with name, distribution, "
        "version and config, as hiervae.registry.describe returns it; use an intact file."
    )
