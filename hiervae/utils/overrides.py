"""Whether a faster method of a class still stands for the plain one that a subclass may replace."""

from __future__ import annotations

from typing import Any


def stands_for(part: Any, faster: str, *plain: str) -> bool:
    """Whether `faster` was written with the `plain` methods in view that `part` has.

    It was unless a class further down, or the instance itself, replaces one of them: a user's own
    `infer` must not be passed by because its class inherits a faster way to the same result.

    Args:
        part: an instance.
        faster: name of a method.
        plain: names of the methods that it stands for.
    """
    classes = type(part).__mro__

    def depth(name: str) -> int:
        if name in vars(part):
            return -1
        owners = (i for i, each in enumerate(classes) if name in vars(each))
        return next(owners, len(classes))

    return all(depth(faster) <= depth(name) for name in plain)
