"""Whether the values of a loader's options are of the types that its annotations say."""

from __future__ import annotations

import json
import numbers
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Literal, Union, cast, get_args, get_origin

import numpy as np


def is_a(kind: object, value: object) -> bool:
    """Return whether a value, and what is in it if it is a collection, is of an option's type.

    A list may stand for a tuple, an integer for a float, and a string for a key of any type,
    because JSON has no others. A string is no sequence of strings: that of one was meant.

    Args:
        kind: a type as an annotation states it; one that tells nothing of a value fits all.
        value: the option's value.
    """
    origin: object = get_origin(kind)
    parts: tuple[object, ...] = get_args(kind)
    if origin in (Union, UnionType):
        return any(is_a(choice, value) for choice in parts)
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in parts)
    if tuple in (kind, origin):
        return isinstance(value, (tuple, list)) and _fit_tuple(parts, value)
    if kind in (int, float):
        number = numbers.Integral if kind is int else numbers.Real
        return isinstance(value, number) and not isinstance(value, bool)
    try:
        if not isinstance(value, cast("type", NoneType if kind is None else origin or kind)):
            return False
    except TypeError:  # a type variable, for instance, which tells nothing of a value
        return True
    if isinstance(value, Mapping) and len(parts) == 2:
        return all(
            (isinstance(key, str) or is_a(parts[0], key)) and is_a(parts[1], each)
            for key, each in value.items()
        )
    if _is_of_one_type(origin) and len(parts) == 1:
        is_text = isinstance(value, (str, bytes))
        # An iterator would be used up by looking at what it gives.
        known = value if isinstance(value, Collection) else ()
        return not is_text and all(is_a(parts[0], each) for each in known)
    return True


def plain(value: object) -> object:
    """Return a value with Python's numbers in place of NumPy's, also inside lists and the like."""
    if isinstance(value, (np.integer, np.floating, np.bool_)):
        number: object = value.item()
        return number
    if type(value) is list:
        return list(map(plain, value))
    if type(value) is tuple:
        return tuple(map(plain, value))
    if type(value) is dict:
        entries: Mapping[object, object] = value
        return {key: plain(each) for key, each in entries.items()}
    return value


def is_same(value: object, other: object) -> bool:
    """Return whether two values are the same once they were written to a run's settings."""
    try:
        return json.dumps(value, default=repr) == json.dumps(other, default=repr)
    except (TypeError, ValueError):  # keys that JSON does not have, a list in itself
        return value is other


def shown(kind: object) -> str:
    """Return a type as messages name it."""
    origin: object = get_origin(kind)
    parts: tuple[object, ...] = get_args(kind)
    if origin in (Union, UnionType):
        return " | ".join(map(shown, parts))
    if origin is Literal:
        return f"one of {', '.join(map(repr, parts))}"
    if kind in (None, NoneType):
        return "None"
    if kind is Ellipsis:
        return "..."
    if origin is None or not isinstance(origin, type):
        name: object = getattr(kind, "__name__", kind)
        return str(name)
    short = "list" if origin in (Sequence, Collection, Iterable) else origin.__name__
    return f"{short}[{', '.join(map(shown, parts))}]"


def _fit_tuple(kinds: tuple[object, ...], values: Sequence[object]) -> bool:
    if not kinds:
        return True
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return all(is_a(kinds[0], value) for value in values)
    return len(kinds) == len(values) and all(map(is_a, kinds, values))


def _is_of_one_type(origin: object) -> bool:
    """Return whether the one parameter of a generic type is that of all it holds."""
    return origin in (Iterable, Collection, Sequence) or (
        isinstance(origin, type) and issubclass(origin, (list, set, frozenset))
    )
