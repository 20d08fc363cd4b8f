"""The order of batches that end in several threads."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class BatchSequence(Generic[T]):
    """Gives the items of ended batches back in the order in which the batches began.

    Keras reports the end of a batch from a pool of threads when all callbacks of a `fit` are
    `async_safe`, so a later batch may be reported first. Not thread-safe by itself.
    """

    def __init__(self) -> None:
        self._begun: list[int] = []
        self._ended: dict[int, tuple[int, T]] = {}

    def begin(self, first: int) -> None:
        """Note that the execution beginning with batch `first` has started."""
        self._begun.append(first)

    def end(self, last: int, item: T) -> list[tuple[int, T]]:
        """Note that the execution ending with batch `last` has ended.

        Args:
            last: index of its last batch; more than the first with `steps_per_execution`.
            item: what to give back in its turn.

        Returns:
            (last, item) of each execution whose turn has come, in order.
        """
        first = max(begun for begun in self._begun if begun <= last)
        self._ended[first] = (last, item)
        ready = []
        while self._begun and self._begun[0] in self._ended:
            ready.append(self._ended.pop(self._begun.pop(0)))
        return ready
