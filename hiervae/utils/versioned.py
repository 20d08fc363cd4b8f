"""Objects that know when their options last changed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from keras import ops

_CHANGES = count(1)
_MISSING = object()
_OF_KERAS = ("built", "training")  # set by Keras and by PyTorch while a layer is used
_PLAIN = (bool, int, float, str, bytes, tuple, type(None))


class VersionedOptions:
    """Notices every assignment of another value to one of its public attributes.

    Code that was compiled with the old value can then be told from code for the new one, without
    looking at the values. Subclasses need do nothing. Tensors are no options, since a layer may
    keep some while it runs. What is changed inside a value (an
    entry of a list) goes unnoticed, except in values that are versioned themselves.
    """

    _options_changed: int = 0

    def __setattr__(self, name: str, value: Any) -> None:
        before = vars(self).get(name, _MISSING)
        super().__setattr__(name, value)
        if name.startswith("_") or name in _OF_KERAS or _same(before, value):
            return
        if ops.is_tensor(value):
            return
        object.__setattr__(self, "_options_changed", next(_CHANGES))

    @property
    def options_version(self) -> int:
        """A number that grows whenever an option of this object, or of one it holds, is set.

        No two changes in a process have the same number.
        """
        held = (entry.options_version for value in vars(self).values() for entry in _held(value))
        return max(self._options_changed, *held, 0)


def _same(before: Any, value: Any) -> bool:
    if before is value:
        return True
    return isinstance(value, _PLAIN) and type(before) is type(value) and bool(before == value)


def _held(value: Any) -> Iterator[VersionedOptions]:
    if isinstance(value, VersionedOptions):
        yield value
    elif isinstance(value, (list, tuple)):
        yield from (entry for entry in value if isinstance(entry, VersionedOptions))
    elif isinstance(value, dict):
        yield from (entry for entry in value.values() if isinstance(entry, VersionedOptions))
