"""Generators and other iterators of batches, which can be read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import Any

from hiervae.errors import DataError


class CheckedIterator(Iterator[Any]):
    """Stands for a generator, and is an instance of its class, as Keras asks; checks its batches.

    Unlike a generator it can raise more than once: TensorFlow swallows what is raised while it
    reads ahead.
    """

    def __init__(self, batches: Iterator[Any], check: Callable[[Any], tuple[Any, ...]]) -> None:
        self._checked = map(check, batches)

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        """The class of generators."""
        return GeneratorType

    def __next__(self) -> tuple[Any, ...]:
        """The next batch, checked."""
        return next(self._checked)


class CountedBatches(Iterator[Any]):
    """An iterator that must not end before so many batches."""

    def __init__(self, name: str, batches: Iterator[Any], wanted: int, option: str) -> None:
        self._name, self._option = name, option
        self._batches = batches
        self._wanted = wanted
        self._num = 0

    def __next__(self) -> Any:
        """The next batch.

        Raises:
            DataError: if there is none, and more were wanted.
        """
        for batch in self._batches:
            self._num += 1
            return batch
        if self._num < self._wanted:
            raise DataError(
                f"{self._name} ended after {self._num} batches; expected {self._wanted}, "
                f"`{self._option}` for each time it is read. Give fewer steps or epochs, an "
                "iterator that does not end, or an array."
            )
        raise StopIteration


def enough_batches(name: str, source: Any, num_passes: int, steps: int | None, option: str) -> Any:
    """Return a source; an iterator is refused, at once or as it ends, that has too few batches.

    Keras would go on with the two batches that it looked at beforehand.

    Args:
        name: how to call the source in an error.
        source: what the batches come from.
        num_passes: how often `fit` reads it.
        steps: batches of a pass; None reads all.
        option: the name of the argument that gives `steps`.

    Raises:
        DataError: if it is an iterator that is to be read to its end more than once.
    """
    if not isinstance(source, Iterator) or num_passes < 1:
        return source
    if steps is not None:
        return CountedBatches(name, source, num_passes * steps, option)
    if num_passes > 1:
        raise DataError(
            f"{name} is a {type(source).__name__}, which gives its batches once, and is to be read "
            f"{num_passes} times; expected a source that can be read again. Give an array or a "
            f"`keras.utils.PyDataset`, or say by `{option}` how many batches to take each time."
        )
    return source
