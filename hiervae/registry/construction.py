"""Calls a part's constructor, and explains options that it does not take."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from hiervae.errors import BrokenPluginError, HiervaeError
from hiervae.registry.errors import InvalidOptionError
from hiervae.registry.explanations import reason
from hiervae.registry.plugin_entry import PluginEntry
from hiervae.registry.suggestions import did_you_mean, nearest

T = TypeVar("T")

_UNKNOWN_KEYWORD = ("unexpected keyword argument", "nrecognized keyword argument")
"""What Python and Keras say of a keyword that a constructor does not take."""


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
