"""From what users write to a part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from hiervae.errors import IncompatiblePluginError
from hiervae.registry.compatibility import check_class, check_interface_version
from hiervae.registry.construction import construct
from hiervae.registry.errors import InvalidOptionError
from hiervae.registry.groups import label
from hiervae.registry.plugin_entry import PluginEntry
from hiervae.registry.resolution import find, load_entry

T = TypeVar("T")


def create(group: str, spec: object, base: type[T]) -> T:
    """The part that `spec` stands for.

    Args:
        group: entry-point group, one of `GROUPS`.
        spec: a name; `"distribution:name"`; a dict `{"name": ..., **options}`, its other
            entries being the constructor's arguments; a class; or an instance, which is returned
            as it is.
        base: the class that parts of this group derive from.

    Raises:
        UnknownPluginError: if no installed distribution offers the name.
        PluginConflictError: if more than one does.
        BrokenPluginError: if importing or constructing the plugin fails.
        IncompatiblePluginError: if the part does not derive from `base`, is abstract, or was
            written for another interface version; or if `spec` is of none of these forms.
        InvalidOptionError: if an option is unknown, missing, or refused with a ValueError.
        TypeError: if the constructor itself raises one.
        RegistryError: if there is no such group or hiervae itself is not installed.
    """
    kind = label(group)
    if isinstance(spec, base):
        check_interface_version(kind, type(spec), base, None)
        return spec
    entry: PluginEntry | None = None
    options: dict[str, Any] = {}
    if isinstance(spec, str):
        entry = find(group, spec)
    elif isinstance(spec, Mapping):
        name, options = _split(kind, spec)
        entry = find(group, name)
    elif not isinstance(spec, type):
        raise IncompatiblePluginError(
            f"The {kind} is {spec!r} of type {type(spec).__name__}. Expected a name, "
            f'"distribution:name", a dict {{"name": ..., **options}}, or a class or an instance '
            f"of {base.__module__}.{base.__qualname__}."
        )
    part_class = check_class(kind, load_entry(entry) if entry else spec, base, entry)
    return construct(kind, part_class, options, entry)


def _split(kind: str, spec: Mapping[Any, Any]) -> tuple[str, dict[str, Any]]:
    options = dict(spec)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise InvalidOptionError(
            f'The {kind} is {dict(spec)!r}, whose "name" is {name!r}. Expected a dict '
            '{"name": ..., **options} with the name of a part; to give a class options, '
            "construct it and pass the instance."
        )
    odd = [key for key in options if not isinstance(key, str)]
    if odd:
        raise InvalidOptionError(
            f"The options of the {kind} {name!r} hold the keys {odd!r}. Expected strings."
        )
    return name, options
