"""Which entry a part came from: of an instance, and of a saved record."""

from __future__ import annotations

import sys

from hiervae.errors import PluginConflictError, UnknownPluginError
from hiervae.registry import catalogue, explanations, overrides
from hiervae.registry.groups import label
from hiervae.registry.plugin_entry import PluginEntry
from hiervae.registry.resolution import find
from hiervae.types import PartRecord


def entry_of(group: str, part_class: type) -> PluginEntry | None:
    """The entry whose target is `part_class`, found among the modules imported already."""
    for row in catalogue.visible(group):
        if _imported(row.target) is part_class:
            return row
    overridden = overrides.active(group)
    for row in catalogue.entries(group):
        if row.distribution is None:
            target = overridden[row.name]
            if part_class is (_imported(target) if isinstance(target, str) else target):
                return row
    return None


def find_recorded(group: str, saved: PartRecord) -> PluginEntry:
    """The entry that a record with a name was written from; nothing is imported."""
    name = str(saved.name)
    if saved.distribution is None:
        return find(group, name)
    rows = [row for row in catalogue.visible(group) if row.is_named(name, saved.distribution)]
    if not rows:
        raise UnknownPluginError(explanations.not_installed(group, saved))
    if len(rows) > 1:
        raise PluginConflictError(explanations.conflict(label(group), name, rows))
    return rows[0]


def _imported(target: str) -> object:
    path, _, attributes = target.partition("[")[0].strip().partition(":")
    found: object = sys.modules.get(path.strip())
    try:
        for attribute in attributes.strip().split("."):
            found = getattr(found, attribute)
    except Exception:  # nothing there, or another plugin's lazy module that fails
        return None
    return found
