"""Which plugins exist: installed ones, from their metadata alone, and the overrides of tests."""

from __future__ import annotations

import functools
import importlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from importlib import metadata
from types import MappingProxyType
from typing import Any, TypeAlias

from hiervae.errors import IncompatiblePluginError, RegistryError
from hiervae.registry.entries import BUILT_IN, PluginEntry, normalize
from hiervae.registry.roles import GROUPS, form, is_target, label

Target: TypeAlias = type | str | Callable[..., Any]
"""What an override stands for: a class or a function itself, or `"module:name"`."""

DISABLE_VARIABLE = "HIERVAE_DISABLE_PLUGINS"

_overrides: ContextVar[Mapping[tuple[str, str], Target]] = ContextVar(
    "hiervae_registry_overrides", default=MappingProxyType({})
)


@dataclass(frozen=True)
class _Catalogue:
    """What is installed: the entries of each group, and distributions nobody can read."""

    entries: Mapping[str, tuple[PluginEntry, ...]]
    unreadable: tuple[str, ...]


def available(group: str) -> tuple[str, ...]:
    """Return the names in `group`, sorted; nothing is imported.

    Raises:
        RegistryError: if there is no such group or hiervae itself is not installed.
    """
    return tuple(sorted({row.name for row in entries(group) if not row.refusal}))


def entries(group: str) -> tuple[PluginEntry, ...]:
    """Return all entries of `group`, sorted by name and distribution.

    Conflicting and refused ones are among them, and say so.

    Raises:
        RegistryError: if there is no such group or hiervae itself is not installed.
    """
    label(group)
    overridden = active_overrides(group)
    rows = [row for row in visible(group) if row.name not in overridden]
    rows += [
        PluginEntry(group, name, None, None, _described(target))
        for name, target in overridden.items()
    ]
    count = Counter(row.name for row in rows if not row.refusal)
    return tuple(
        replace(row, conflict=count[row.name] > 1 and not row.refusal)
        for row in sorted(rows, key=_order)
    )


@contextmanager
def override(group: str, name: str, target: Target) -> Iterator[None]:
    """Let `name` stand for `target` within the context, whether it is installed or not.

    Contexts nest, and each thread and asynchronous task sees its own. `"distribution:name"` is
    not affected.

    Args:
        group: entry-point group, one of `GROUPS`.
        name: the name to define or to replace.
        target: the class (for data sets and presets the function), or `"module:name"` of it,
            which is imported when the name is asked for.

    Raises:
        RegistryError: if there is no such group.
        IncompatiblePluginError: if `target` is none of these.
    """
    kind = label(group)
    if not isinstance(target, str) and not is_target(group, target):
        raise IncompatiblePluginError(
            f"The override of {kind} {name!r} is {target!r} of type {type(target).__name__}. "
            f'Expected a {form(group)} or a string "module:{_placeholder(group)}".'
        )
    token = _overrides.set({**_overrides.get(), (group, name): target})
    try:
        yield
    finally:
        _overrides.reset(token)


def active_overrides(group: str) -> dict[str, Target]:
    """Return the overrides of `group` in this context, by name."""
    return {name: target for (owner, name), target in _overrides.get().items() if owner == group}


def visible(group: str) -> tuple[PluginEntry, ...]:
    """Return the entries of `group` that are not disabled, whatever is overridden."""
    rows = installed(group)
    return tuple(row for row in rows if is_built_in(row)) if plugins_disabled() else rows


def installed(group: str) -> tuple[PluginEntry, ...]:
    """Return the entries of `group` as installed, whatever is overridden or disabled."""
    return _read_catalogue().entries[group]


def unreadable() -> tuple[str, ...]:
    """Return the distributions whose metadata is damaged, so that nobody knows what they offer."""
    return _read_catalogue().unreadable


def is_built_in(row: PluginEntry) -> bool:
    """Return whether the entry comes with hiervae itself."""
    return normalize(row.distribution or "") == BUILT_IN


def plugins_disabled() -> bool:
    """Return whether the environment leaves only the built-in entries."""
    value = os.environ.get(DISABLE_VARIABLE, "").strip().lower()
    return value not in {"", "0", "false", "no", "off"}


def refresh() -> None:
    """Look again at what is installed; call it after an install or uninstall in this process.

    Modules that are imported already stay as they are: after an upgrade of a plugin in use, and
    after an editable install, restart Python.
    """
    importlib.invalidate_caches()
    _read_catalogue.cache_clear()


def _described(target: Target) -> str:
    if isinstance(target, str):
        return target
    name = getattr(target, "__qualname__", None)  # a functools.partial has none
    return f"{target.__module__}:{name}" if name else repr(target)


def _placeholder(group: str) -> str:
    return form(group).capitalize() if form(group) == "class" else form(group)


def _order(row: PluginEntry) -> tuple[str, str, str]:
    return row.name, row.distribution or "", row.target


@functools.cache
def _read_catalogue() -> _Catalogue:
    offering: dict[str, metadata.Distribution] = {}
    unreadable: list[str] = []
    for distribution in metadata.distributions():
        try:
            # Most distributions have nothing of ours: their entry points are not even parsed.
            if "[hiervae." not in (distribution.read_text("entry_points.txt") or ""):
                continue
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
    judged = tuple(_judged(sorted(rows, key=_order), offering))
    by_group = {group: tuple(row for row in judged if row.group == group) for group in GROUPS}
    return _Catalogue(by_group, tuple(unreadable))


def _first_on_path(name: str, found: metadata.Distribution) -> metadata.Distribution:
    """The distribution that imports come from, should several of one name be on the path."""
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:  # its folder is not named after it
        return found


def _rows(distribution: metadata.Distribution) -> list[PluginEntry]:
    facts = distribution.metadata  # parsed anew at each look
    name, version = facts["Name"], facts["Version"]
    return [
        PluginEntry(point.group, point.name, name, version, point.value)
        for point in distribution.entry_points
        if point.group in GROUPS
    ]


def _judged(
    rows: Iterable[PluginEntry], distributions: Mapping[str, metadata.Distribution]
) -> Iterator[PluginEntry]:
    """Yield the rows; those without a name, or with another distribution's target, refused."""
    sharing = defaultdict(list)
    for row in rows:
        sharing[row.group, row.place].append(row)
    for row in rows:
        refusal = ""
        if not row.name.strip():
            refusal = nameless(row)
        elif not is_built_in(row):
            others = [
                other
                for other in sharing[row.group, row.place]
                if normalize(other.distribution or "") != normalize(row.distribution or "")
            ]
            owner = next((other for other in others if _ships(other, distributions)), None)
            if owner is not None and not _ships(row, distributions):
                refusal = shadowing(row, owner)
        yield replace(row, refusal=refusal)


def _ships(row: PluginEntry, distributions: Mapping[str, metadata.Distribution]) -> bool:
    """Return whether the distribution of an entry is known to hold the module of its target."""
    if row.place[0].partition(".")[0] == BUILT_IN:
        return is_built_in(row)
    stem = row.place[0].replace(".", "/")
    files = distributions[normalize(row.distribution or "")].files or ()
    return not {f"{stem}.py", f"{stem}/__init__.py"}.isdisjoint(path.as_posix() for path in files)


def nameless(row: PluginEntry) -> str:
    """Return why an entry without a name is refused."""
    return (
        f"The {label(row.group)} of {row.origin} has an empty name. Expected an entry point "
        f'`name = "{row.target}"` in the group {row.group!r}; install a repaired version of it.'
    )


def shadowing(row: PluginEntry, owner: PluginEntry) -> str:
    """Return why an entry for what another distribution owns and offers itself is refused."""
    return (
        f"The {label(row.group)} {row.name!r} ({row.origin}) names a {form(row.group)} of another "
        f"distribution, {owner.distribution!r}, which offers it as {owner.name!r}. Expected a "
        f"{form(row.group)} of its own; write {owner.qualified_name!r}, or "
        f"uninstall {row.distribution!r}."
    )


def _where(distribution: metadata.Distribution) -> str:
    try:
        name = distribution.metadata["Name"]
    except Exception:  # the name itself may be what is damaged
        name = None
    return f"{name or 'an unnamed distribution'} in {distribution.locate_file('')}"
