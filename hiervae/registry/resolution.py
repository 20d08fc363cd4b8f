"""From a name to the class it stands for: the only place that imports plugins."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

from hiervae.errors import (
    BrokenPluginError,
    IncompatiblePluginError,
    PluginConflictError,
    UnknownPluginError,
)
from hiervae.registry import catalogue, explanations, overrides
from hiervae.registry.groups import label
from hiervae.registry.plugin_entry import PluginEntry


def load(group: str, name: str) -> type[Any]:
    """Import and return the class that `name` stands for.

    Args:
        group: entry-point group, one of `GROUPS`.
        name: a name, or `"distribution:name"`.

    Raises:
        UnknownPluginError: if no installed distribution offers the name.
        PluginConflictError: if more than one does.
        BrokenPluginError: if importing the plugin fails; its own exception is the cause.
        IncompatiblePluginError: if the target is not a class.
        RegistryError: if there is no such group or hiervae itself is not installed.
    """
    return load_entry(find(group, name))


def find(group: str, name: str) -> PluginEntry:
    """The one entry that `name` or `"distribution:name"` stands for; nothing is imported."""
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
    if len(matches) > 1:
        raise PluginConflictError(explanations.conflict(kind, bare_name, matches))
    return matches[0]


def load_entry(entry: PluginEntry) -> type[Any]:
    """Import the class of one entry."""
    kind = label(entry.group)
    target: Any = None
    if entry.distribution is None:
        target = overrides.active(entry.group).get(entry.name)
    if not isinstance(target, type):
        try:
            target = EntryPoint(entry.name, entry.target, entry.group).load()
        except (Exception, SystemExit) as error:  # a module may call sys.exit when imported
            raise BrokenPluginError(
                f"The {kind} {entry.name!r} ({entry.origin}) cannot be imported: "
                f"{explanations.reason(error)}. Expected an importable class. Repair or "
                "reinstall the plugin, or choose another one."
            ) from error
    if not isinstance(target, type):
        raise IncompatiblePluginError(
            f"The {kind} {entry.name!r} ({entry.origin}) is {target!r} of type "
            f"{type(target).__name__}. Expected a class. Let the entry point name the class."
        )
    return target
