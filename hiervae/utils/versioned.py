"""Objects that know when their options last changed, and which of them may change no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import count
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar, cast

from keras import ops

from hiervae.utils.constructors import KERAS_OPTIONS, option_names

T = TypeVar("T")

_CHANGES = count(1)
_MISSING = object()
_OF_KERAS = ("built", "training")  # set by Keras and by PyTorch while a layer is used
_PLAIN = (bool, int, float, str, bytes, tuple, type(None))


class CheckedOption(Generic[T]):
    """A public attribute whose value is checked at every assignment, in the constructor too.

    Args:
        check: called with the attribute's name and the value; returns the value to keep, or raises
            a ValueError.
    """

    def __init__(self, check: Callable[[str, Any], T]) -> None:
        self._check = check

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> T:
        if instance is None or self._name not in vars(instance):
            raise AttributeError(f"{owner.__name__} has no {self._name} yet.")
        return cast(T, vars(instance)[self._name])

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self._name] = self._check(self._name, value)


class VersionedOptions:
    """Notices every assignment of another value to one of its public attributes.

    Code that was compiled with the old value can then be told from code for the new one, without
    looking at the values. Subclasses need do nothing. Tensors are no options, since a layer may
    keep some while it runs. What is changed inside a value (an entry of a list) goes unnoticed,
    except in values that are versioned themselves.

    After `fix_options`, an attribute that is named as an argument of the constructor is refused
    another value, since what was made of the former one would not follow.

    Attributes:
        live_options: names of options that may be set at any time; the next function has them.
    """

    live_options: ClassVar[tuple[str, ...]] = ()
    _options_are_fixed: bool = False
    _options_changed: int = 0
    _options_held: Mapping[str, tuple[VersionedOptions, ...]] = MappingProxyType({})

    def __setattr__(self, name: str, value: Any) -> None:
        before = vars(self).get(name, _MISSING)
        if self._options_are_fixed and not _same(before, value) and not self.may_set(name, value):
            raise AttributeError(
                f"{type(self).__name__}.{name} was set to {value!r} in a part of a model, where it "
                "cannot take effect; expected the option in the constructor. Make a new model with "
                "it."
            )
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

    def fix_options(self) -> None:
        """Refuse changes of options from here on, of this object and of those it holds."""
        object.__setattr__(self, "_options_are_fixed", True)
        for entries in self._options_held.values():
            for entry in entries:
                entry.fix_options()

    def may_set(self, name: str, value: object) -> bool:
        """Whether this attribute may be set to `value` after `fix_options`.

        By default all may but those named as arguments of the constructors, without
        `live_options`. A class that keeps an argument in an attribute of another name, or whose
        option may change among some values, overrides it.
        """
        own: type = type(self)
        return name in self.live_options or name not in _all_option_names(own)


@cache
def _all_option_names(part_class: type) -> frozenset[str]:
    names = {name for owner in part_class.__mro__ for name in option_names(owner)}
    return frozenset(names.difference(KERAS_OPTIONS))


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
