"""From a name to what it stands for, the only place that imports plugins, and back to the name."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from typing import Any

from hiervae.errors import (
    BrokenPluginError,
    IncompatiblePluginError,
    PluginConflictError,
    UnknownPluginError,
)
from hiervae.registry import catalogue, explanations
from hiervae.registry.entries import PluginEntry, normalize
from hiervae.registry.roles import form, is_target, label
from hiervae.types import PartRecord


def load(group: str, name: str) -> Any:
    """Import and return the class that `name` stands for; of a data set or preset, the function.

    Args:
        group: entry-point group, one of `GROUPS`.
        name: a name, or `"distribution:name"`.

    Raises:
        UnknownPluginError: if no installed distribution offers the name.
        PluginConflictError: if more than one does.
        BrokenPluginError: if importing the plugin fails, its own exception being the cause; or
            if the entry is refused, since it is what another distribution offers.
        IncompatiblePluginError: if the target is not a class (or not a function).
        RegistryError: if there is no such group or hiervae itself is not installed.
    """
    return load_entry(find(group, name))


def find(group: str, name: str) -> PluginEntry:
    """Return the one entry that `name` or `"distribution:name"` stands for; nothing is imported.

    Raises:
        IncompatiblePluginError: if `name` is not a string, or empty.
        UnknownPluginError: if no installed distribution offers the name.
        PluginConflictError: if more than one does.
        BrokenPluginError: if the only entry of this name is refused.
        RegistryError: if there is no such group or hiervae itself is not installed.
    """
    kind = label(group)
    if not isinstance(name, str) or not name:
        raise IncompatiblePluginError(
            f"The name of a {kind} is {name!r}. Expected a string that is not empty, such as one "
            f"of: {', '.join(catalogue.available(group))}."
        )
    distribution, _, bare_name = name.rpartition(":")
    rows = catalogue.visible(group) if distribution else catalogue.entries(group)
    matches = [row for row in rows if row.is_named(bare_name, distribution)]
    if not matches:
        raise UnknownPluginError(explanations.unknown(group, bare_name, distribution, rows))
    return _only(kind, bare_name, matches)


def find_recorded(group: str, saved: PartRecord) -> PluginEntry:
    """Return the entry that a record with a name was written from; nothing is imported.

    Raises:
        UnknownPluginError: if it is not installed; or was an override that is not active.
        PluginConflictError: if its distribution offers the name more than once.
        BrokenPluginError: if the entry is refused.
    """
    name = str(saved.name)
    if saved.distribution is None:
        if name not in catalogue.active_overrides(group):
            raise UnknownPluginError(explanations.not_overridden(group, name))
        return find(group, name)
    rows = [row for row in catalogue.visible(group) if row.is_named(name, saved.distribution)]
    if not rows:
        raise UnknownPluginError(explanations.not_installed(group, saved))
    return _only(label(group), name, rows)


def load_entry(entry: PluginEntry) -> Any:
    """Import what one entry names.

    Raises:
        BrokenPluginError: if it cannot be imported, or another distribution offers it.
        IncompatiblePluginError: if it is not a class (or not a function).
    """
    kind, expected = label(entry.group), form(entry.group)
    target: Any = None
    if entry.distribution is None:
        target = catalogue.active_overrides(entry.group).get(entry.name)
    if target is None or isinstance(target, str):
        try:
            target = EntryPoint(entry.name, entry.target, entry.group).load()
        except (Exception, SystemExit) as error:  # a module may call sys.exit when imported
            raise BrokenPluginError(
                f"The {kind} {entry.name!r} ({entry.origin}) cannot be imported: "
                f"{explanations.reason(error)}. Expected an importable {expected}. Repair or "
                "reinstall the plugin, or choose another one."
            ) from error
    if not is_target(entry.group, target):
        raise IncompatiblePluginError(
            f"The {kind} {entry.name!r} ({entry.origin}) is {target!r} of type "
            f"{type(target).__name__}. Expected a {expected}. Let the entry point name the "
            f"{expected}."
        )
    owner = _owner(entry.group, target)
    if owner is not None and entry.distribution is not None and _differ(owner, entry):
        raise BrokenPluginError(catalogue.shadowing(entry, owner))
    return target


def entry_of(group: str, target: object) -> PluginEntry | None:
    """Return the entry that names `target`, found among the modules imported already."""
    owner = _owner(group, target)
    if owner is not None:
        return owner
    for row in _naming(group, target):
        return row
    overridden = catalogue.active_overrides(group)
    for row in catalogue.entries(group):
        if row.distribution is None:
            given = overridden[row.name]
            if target is (_imported(row) if isinstance(given, str) else given):
                return row
    return None


def _only(kind: str, name: str, matches: list[PluginEntry]) -> PluginEntry:
    sound = [row for row in matches if not row.refusal]
    if not sound:
        raise BrokenPluginError(matches[0].refusal)
    if len(sound) > 1:
        raise PluginConflictError(explanations.conflict(kind, name, sound))
    return sound[0]


def _naming(group: str, target: object) -> list[PluginEntry]:
    """The sound entries whose target is imported already and is `target`."""
    return [row for row in catalogue.visible(group) if not row.refusal and _imported(row) is target]


def _owner(group: str, target: object) -> PluginEntry | None:
    """The entry of `target` in the package that defines it, should it be installed as one."""
    package = str(getattr(target, "__module__", "")).partition(".")[0]
    for row in _naming(group, target):
        if row.place[0].partition(".")[0] == package:
            return row
    return None


def _differ(one: PluginEntry, other: PluginEntry) -> bool:
    """Whether two entries are of other distributions and name their targets by other packages."""
    packages = {row.place[0].partition(".")[0] for row in (one, other)}
    names = {normalize(row.distribution or "") for row in (one, other)}
    return len(packages) == len(names) == 2


def _imported(row: PluginEntry) -> object:
    path, attributes = row.place
    found: object = sys.modules.get(path)
    try:
        for attribute in attributes.split("."):
            found = getattr(found, attribute)
    except Exception:  # nothing there, or another plugin's lazy module that fails
        return None
    return found
