"""The rows of a global batch that one of several replicas has, and what it shares with the others.

A step adapter that trains one model on several devices or processes enters `acting_as` around a
step. Without it there is one replica, which has all rows.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from keras import ops

from hiervae.types import Tensor


class Replica(abc.ABC):
    """One of several replicas of a model, each of which has some rows of every batch.

    Args:
        count: number of replicas.
        rows: rows that this one has, perhaps 0; a number or an int32 scalar.
        first: rows of the replicas before it.
        all_rows: rows of the whole batch.
    """

    def __init__(
        self, count: int, rows: int | Tensor, first: int | Tensor, all_rows: int | Tensor
    ) -> None:
        self.count = count
        self.rows = rows
        self.first = first
        self.all_rows = all_rows

    @abc.abstractmethod
    def sum_shares(self, values: Tensor) -> Tensor:
        """The sum of `values` over replicas, the same on each.

        Its gradient is that of this replica's values alone: the gradients of a loss that is made of
        such sums add up, over the replicas, to the gradient of the loss.
        """

    @abc.abstractmethod
    def sum_features(self, values: Tensor) -> Tensor:
        """The sum of `values` over replicas, on which the shares of all of them depend.

        Its gradient is the sum of the replicas' gradients.
        """

    def repeats(self, rows: Any) -> Any:
        """How many times `rows` holds this replica's rows; None if no whole number of times."""
        if isinstance(rows, int) and isinstance(self.rows, int):
            return None if not self.rows or rows % self.rows else rows // self.rows
        if isinstance(rows, int):  # known beforehand, and so no multiple of what is not
            return None
        return rows // ops.maximum(self.rows, 1)

    def rows_to_draw(self, repeats: int) -> int | Tensor:
        """How many rows `own_rows` is to be given, for the noise of `repeats` times its own."""
        return repeats * self.all_rows

    def own_rows(self, values: Tensor, shape: tuple[Any, ...]) -> Tensor:
        """This replica's rows of values (repeats * all_rows, ...): of `shape`."""
        several = cast("Any", ops.reshape(values, (-1, self.all_rows, *shape[1:])))
        return ops.reshape(several[:, self.first : self.first + self.rows], shape)


def rows_of(number: int, count: int, all_rows: int) -> tuple[int, int]:
    """The first row of replica `number` of `count`, and how many it has, perhaps none."""
    rows, more = divmod(all_rows, count)
    return rows * number + min(number, more), rows + (number < more)


# A context variable, because TensorFlow runs each replica in a thread of its own.
_current: ContextVar[Replica | None] = ContextVar("replica", default=None)


def current_replica() -> Replica | None:
    """The replica that the step at work runs on, None where there is one alone."""
    return _current.get()


@contextmanager
def acting_as(replica: Replica | None) -> Iterator[None]:
    """Run a step, within, as one of several replicas."""
    token = _current.set(replica)
    try:
        yield
    finally:
        _current.reset(token)
