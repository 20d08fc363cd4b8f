"""Which plugins exist, read from installed metadata without importing any of them."""

from __future__ import annotations

import functools
import importlib
import os
from collections import Counter
from dataclasses import dataclass, replace
from importlib import metadata

from hiervae.errors import RegistryError
from hiervae.registry import overrides
from hiervae.registry.distribution_names import BUILT_IN, normalize
from hiervae.registry.groups import GROUPS, label
from hiervae.registry.plugin_entry import PluginEntry

DISABLE_VARIABLE = "HIERVAE_DISABLE_PLUGINS"


@dataclass(frozen=True)
class _Catalogue:
    """What is installed: the entries of all groups, and distributions nobody can read."""

    entries: tuple[PluginEntry, ...]
    unreadable: tuple[str, ...]


def available(group: str) -> tuple[str, ...]:
    """Names of the parts in `group`, sorted.

    Raises:
        RegistryError: if there is no such group or hiervae itself is not installed.
    """
    return tuple(sorted({entry.name for entry in entries(group)}))


def entries(group: str) -> tuple[PluginEntry, ...]:
    """All entries of `group`, sorted by name and distribution, conflicting ones included.

    Raises:
        RegistryError: if there is no such group or hiervae itself is not installed.
    """
    label(group)
    overridden = overrides.active(group)
    rows = [row for row in visible(group) if row.name not in overridden]
    rows += [
        PluginEntry(group, name, None, None, overrides.target_of(target))
        for name, target in overridden.items()
    ]
    count = Counter(row.name for row in rows)
    return tuple(replace(row, conflict=count[row.name] > 1) for row in sorted(rows, key=_order))


def visible(group: str) -> tuple[PluginEntry, ...]:
    """The entries of `group` that are not disabled, whatever is overridden."""
    return tuple(row for row in installed(group) if is_built_in(row) or not plugins_disabled())


def installed(group: str) -> tuple[PluginEntry, ...]:
    """The entries of `group` as installed, whatever is overridden or disabled."""
    return tuple(row for row in _read_catalogue().entries if row.group == group)


def unreadable() -> tuple[str, ...]:
    """Distributions whose metadata is damaged, so that nobody knows what they offer."""
    return _read_catalogue().unreadable


def is_built_in(row: PluginEntry) -> bool:
    """Whether the part comes with hiervae itself."""
    return normalize(row.distribution or "") == BUILT_IN


def plugins_disabled() -> bool:
    """Whether the environment leaves only the built-in parts."""
    value = os.environ.get(DISABLE_VARIABLE, "").strip().lower()
    return value not in {"", "0", "false", "no", "off"}


def refresh() -> None:
    """Look again at what is installed; call it after an install or uninstall in this process.

    Modules that are imported already stay as they are: after an upgrade of a plugin in use, and
    after an editable install, restart Python.
    """
    importlib.invalidate_caches()
    _read_catalogue.cache_clear()


def _order(row: PluginEntry) -> tuple[str, str, str]:
    return row.name, row.distribution or "", row.target


@functools.cache
def _read_catalogue() -> _Catalogue:
    offering: dict[str, metadata.Distribution] = {}
    unreadable: list[str] = []
    for distribution in metadata.distributions():
        try:
            if any(point.group in GROUPS for point in distribution.entry_points):
                offering.setdefault(normalize(distribution.metadata["Name"]), distribution)
        except Exception:  # damaged metadata of one distribution must not hide the others
            unreadable.append(_where(distribution))
    if BUILT_IN not in offering:
        raise RegistryError(
            "hiervae runs from a source tree without installed metadata, so its own parts cannot "
            "be found. Expected an installed distribution 'hiervae'. Run `pip install -e .` in "
            "the root of the source tree, then restart Python."
        )
    rows: set[PluginEntry] = set()
    for name, distribution in offering.items():
        try:
            rows.update(_rows(_first_on_path(name, distribution)))
        except Exception:
            unreadable.append(_where(distribution))
    return _Catalogue(tuple(sorted(rows, key=_order)), tuple(unreadable))


def _first_on_path(name: str, found: metadata.Distribution) -> metadata.Distribution:
    """The distribution that imports come from, should several of one name be on the path."""
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:  # its folder is not named after it
        return found


def _rows(distribution: metadata.Distribution) -> list[PluginEntry]:
    name, version = distribution.metadata["Name"], distribution.metadata["Version"]
    return [
        PluginEntry(point.group, point.name, name, version, point.value)
        for point in distribution.entry_points
        if point.group in GROUPS
    ]


def _where(distribution: metadata.Distribution) -> str:
    try:
        name = distribution.metadata["Name"]
    except Exception:  # the name itself may be what is damaged
        name = None
    return f"{name or 'an unnamed distribution'} in {distribution.locate_file('')}"
