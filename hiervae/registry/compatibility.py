"""Whether a class can serve as a part."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar, cast

from hiervae.errors import IncompatiblePluginError
from hiervae.registry.plugin_entry import PluginEntry

T = TypeVar("T")


def check_class(kind: str, part_class: Any, base: type[T], entry: PluginEntry | None) -> type[T]:
    """Return `part_class` if it is a concrete subclass of `base` of its interface version.

    Raises:
        IncompatiblePluginError: if it is not.
    """
    if not issubclass(part_class, base):
        raise IncompatiblePluginError(
            f"{_name(kind, part_class, entry)} does not derive from the class of its kind. "
            f"Received {_path(part_class)}, expected a subclass of {_path(base)}."
        )
    check_interface_version(kind, part_class, base, entry)
    if inspect.isabstract(part_class):
        missing = ", ".join(sorted(part_class.__abstractmethods__))
        raise IncompatiblePluginError(
            f"{_name(kind, part_class, entry)} is abstract: {_path(part_class)} lacks {missing}. "
            "Expected a class that implements all of its base; define what is missing."
        )
    return cast(type[T], part_class)


def check_instance(kind: str, part: object, base: type[T], entry: PluginEntry | None) -> T:
    """Return `part` if `check_class` accepts its class.

    Raises:
        IncompatiblePluginError: if it does not.
    """
    check_class(kind, type(part), base, entry)
    return cast(T, part)


def check_interface_version(
    kind: str, part_class: type, base: type, entry: PluginEntry | None
) -> None:
    """Refuse a class written for another version of the interface that `base` defines.

    Raises:
        IncompatiblePluginError: if the `interface_version` of the two differs.
    """
    expected = getattr(base, "interface_version", None)
    received = getattr(part_class, "interface_version", None)
    if received != expected:
        raise IncompatiblePluginError(
            f"{_name(kind, part_class, entry)} was written for interface version {received!r} of "
            f"{_path(base)}; the installed hiervae has interface version {expected!r}. Install "
            "versions of the plugin and of hiervae that fit each other."
        )


def _name(kind: str, part_class: type, entry: PluginEntry | None) -> str:
    if entry is None:
        return f"The {kind} {part_class.__qualname__!r}"
    return f"The {kind} {entry.name!r} ({entry.origin})"


def _path(part_class: type) -> str:
    return f"{part_class.__module__}.{part_class.__qualname__}"
