"""Objects that know when their options last changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from types import MappingProxyType
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
    keep some while it runs. What is changed inside a value (an entry of a list) goes unnoticed,
    except in values that are versioned themselves.
    """

    _options_changed: int = 0
    _options_held: Mapping[str, tuple[VersionedOptions, ...]] = MappingProxyType({})

    def __setattr__(self, name: str, value: Any) -> None:
        before = vars(self).get(name, _MISSING)
        super().__setattr__(name, value)
        held = tuple(_held(value))
        holds = bool(held) or name in self._options_held
        if holds:
            # Past Keras and PyTorch, which would take what is in it for layers of this one.
            object.__setattr__(self, "_options_held", {**self._options_held, name: held})
        if _same(before, value):
            return
        public = not name.startswith("_") and name not in _OF_KERAS and not ops.is_tensor(value)
        if holds or public:
            object.__setattr__(self, "_options_changed", next(_CHANGES))

    @property
    def options_version(self) -> int:
        """A number that grows whenever an option of this object, or of one it holds, is set.

        No two changes in a process have the same number.
        """
        version = self._options_changed
        for entries in self._options_held.values():
            version = max(version, *(entry.options_version for entry in entries), 0)
        return version


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
