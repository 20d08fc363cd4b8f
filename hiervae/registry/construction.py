"""From what users write to a part: the class is checked, and its constructor called."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from hiervae.errors import BrokenPluginError, HiervaeError, IncompatiblePluginError
from hiervae.registry.entries import PluginEntry, did_you_mean, nearest
from hiervae.registry.explanations import reason
from hiervae.registry.resolution import find, load_entry
from hiervae.registry.roles import part_label

T = TypeVar("T")

_UNKNOWN_KEYWORD = ("unexpected keyword argument", "nrecognized keyword argument")
"""What Python and Keras say of a keyword that a constructor does not take."""


class InvalidOptionError(HiervaeError, ValueError):
    """An option of a part is unknown, missing or has a value the part refuses."""


def create(group: str, spec: object, base: type[T]) -> T:
    """Return the part that `spec` stands for.

    Args:
        group: entry-point group, one of `GROUPS`.
        spec: a name; `"distribution:name"`; a dict `{"name": ..., **options}`, its other
            entries being the constructor's arguments; a class; or an instance, which is returned
            as it is.
        base: the class that parts of this group derive from.

    Raises:
        UnknownPluginError: if no installed distribution offers the name.
        PluginConflictError: if more than one does.
        BrokenPluginError: if importing or constructing the plugin fails, or its entry is refused.
        IncompatiblePluginError: if the part does not derive from `base`, is abstract, or was
            written for another interface version; or if `spec` is of none of these forms.
        InvalidOptionError: if an option is unknown, missing, or refused with a ValueError.
        TypeError: if the constructor itself raises one.
        RegistryError: if there is no such group or hiervae itself is not installed.
    """
    kind = part_label(group)
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


def check_class(kind: str, part_class: Any, base: type[T], entry: PluginEntry | None) -> type[T]:
    """Return `part_class` if it is a concrete subclass of `base` of its interface version.

    Raises:
        IncompatiblePluginError: if it is not.
    """
    if not issubclass(part_class, base):
        raise IncompatiblePluginError(
            f"{_called(kind, part_class, entry)} does not derive from the class of its kind. "
            f"Received {_path(part_class)}, expected a subclass of {_path(base)}."
        )
    check_interface_version(kind, part_class, base, entry)
    if inspect.isabstract(part_class):
        missing = ", ".join(sorted(part_class.__abstractmethods__))
        raise IncompatiblePluginError(
            f"{_called(kind, part_class, entry)} is abstract: {_path(part_class)} lacks {missing}. "
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
            f"{_called(kind, part_class, entry)} was written for interface version {received!r} of "
            f"{_path(base)}; the installed hiervae has interface version {expected!r}. Install "
            "versions of the plugin and of hiervae that fit each other."
        )


def construct(
    kind: str, part_class: type[T], options: Mapping[str, Any], entry: PluginEntry | None
) -> T:
    """Return `part_class(**options)`.

    Raises:
        InvalidOptionError: if an option is unknown, missing, or refused with a ValueError.
        TypeError: if the constructor raises one that is not about the names of the options.
        BrokenPluginError: if the constructor of a plugin raises anything else.
    """
    what = f"{kind} {entry.name if entry else part_class.__qualname__!r}"
    signatures = _constructor_signatures(part_class)
    accepted = _accepted(signatures)
    unknown = [name for name in options if name not in accepted]
    if unknown and not _hands_on(signatures[0]):
        raise InvalidOptionError(_explain_unknown(what, unknown, accepted))
    missing = [name for name in _required(signatures[0]) if name not in options]
    if missing:
        raise InvalidOptionError(_explain_missing(what, missing, accepted, unknown))
    try:
        return part_class(**options)
    except HiervaeError:
        raise
    except (TypeError, ValueError) as error:
        # A constructor that hands its **kwargs on learns further up that one is unknown.
        refused = [name for name in unknown if _says_unknown(error, name)]
        if refused:
            raise InvalidOptionError(_explain_unknown(what, refused, accepted)) from error
        if isinstance(error, ValueError):
            raise InvalidOptionError(f"The {what} cannot be made: {error}") from error
        error.add_note(f"While constructing the {what}{_origin(entry)}.")
        raise
    except Exception as error:
        if entry is None:
            raise
        raise BrokenPluginError(
            f"The {what}{_origin(entry)} cannot be made: {reason(error)}"
        ) from error


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


def _called(kind: str, part_class: type, entry: PluginEntry | None) -> str:
    if entry is None:
        return f"The {kind} {part_class.__qualname__!r}"
    return f"The {kind} {entry.name!r} ({entry.origin})"


def _path(part_class: type) -> str:
    return f"{part_class.__module__}.{part_class.__qualname__}"


def _constructor_signatures(part_class: type) -> list[inspect.Signature]:
    """Signatures of the class's constructor and of those its `**kwargs` are handed on to."""
    signatures = []
    for owner in part_class.__mro__:
        if owner is object or "__init__" not in vars(owner):
            continue
        full = inspect.signature(vars(owner)["__init__"])
        signatures.append(full.replace(parameters=list(full.parameters.values())[1:]))
        if not _hands_on(full):
            break
    return signatures or [inspect.signature(part_class)]


def _hands_on(signature: inspect.Signature) -> bool:
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def _named(signature: inspect.Signature) -> list[inspect.Parameter]:
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [parameter for parameter in signature.parameters.values() if parameter.kind in by_name]


def _accepted(signatures: Iterable[inspect.Signature]) -> list[str]:
    """Names of the options, the part's own first; "name" is taken by the name of the plugin."""
    names = [parameter.name for signature in signatures for parameter in _named(signature)]
    return [name for name in dict.fromkeys(names) if name != "name"]


def _required(signature: inspect.Signature) -> list[str]:
    empty = inspect.Parameter.empty
    return [parameter.name for parameter in _named(signature) if parameter.default is empty]


def _says_unknown(error: Exception, name: str) -> bool:
    message = str(error)
    return repr(name) in message and any(phrase in message for phrase in _UNKNOWN_KEYWORD)


def _explain_unknown(what: str, names: list[str], accepted: list[str]) -> str:
    suggestions = "".join(did_you_mean(name, accepted) for name in names)
    return f"The {what} does not know the {_listing(names)}. {_accepts(accepted)}{suggestions}"


def _explain_missing(what: str, names: list[str], accepted: list[str], unknown: list[str]) -> str:
    near = {name: nearest(name, names) for name in unknown}
    misspelt = "".join(
        f" {name!r} may stand for {meant!r}." for name, meant in near.items() if meant
    )
    return f"The {what} needs the {_listing(names)}. {_accepts(accepted)}{misspelt}"


def _listing(names: list[str]) -> str:
    return f"option{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"


def _accepts(accepted: list[str]) -> str:
    return f"Accepted options: {', '.join(accepted) or 'none'}."


def _origin(entry: PluginEntry | None) -> str:
    return f" ({entry.origin})" if entry else ""
