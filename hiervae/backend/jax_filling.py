"""Filling batches up with rows that do not count, so that steps are compiled for few sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from keras import ops

from hiervae.types import Tensor
from hiervae.utils.batching import power_of_two
from hiervae.utils.replicas import Replica


class Filling:
    """The number of rows that the batches of a pass over data are filled up to.

    The last batch, a smaller one, gets as many rows as the others; a batch that is alone and
    smaller than was asked for gets a power of two.

    Args:
        rows: gives the rows of a whole batch, None where the first batch tells.
        allowed: tells whether batches may be filled up at all, once that is known.
    """

    def __init__(self, rows: Callable[[], int | None], allowed: Callable[[], bool]) -> None:
        self._rows = rows
        self._allowed = allowed
        self._usual = 0

    def begin(self) -> None:
        """Begin a pass over other data."""
        self._usual = 0

    def room(self, size: int) -> int:
        """Rows that a batch of `size` gets; the first batch of a pass has to be asked for first."""
        if not self._usual:
            whole = self._rows() or size
            self._usual = size if size >= whole else min(power_of_two(size), whole)
        return max(size, self._usual) if self._allowed() else size


class CountedRows(Replica):
    """The first rows of a batch, which alone count, and the noise they would have without the rest.

    Draws of several times the rows have the rows innermost. JAX draws the same numbers for the
    beginning of a longer array; those of the rows that count are taken from there.

    Args:
        room: rows of the batch.
        number: of those that count, an int32 scalar.
    """

    def __init__(self, room: int, number: Tensor) -> None:
        super().__init__(1, room, 0, number)
        self._room = room
        self._positions = jax.numpy.arange(room, dtype="int32")

    def weights(self, given: Tensor | None) -> Tensor:
        """Sample weights (room,): those given or 1, and 0 where a row does not count."""
        counted = jax.numpy.ones((self._room,), "float32") if given is None else given
        return jax.numpy.where(self._positions < self.all_rows, ops.reshape(counted, (-1,)), 0)

    def sum_shares(self, values: Tensor) -> Tensor:
        """Return the values, of which there is one share."""
        return values

    def sum_features(self, values: Tensor) -> Tensor:
        """Return the values, of which there is one share."""
        return values

    def rows_to_draw(self, repeats: int) -> int:
        """As many rows as there is room for, since the number that counts has no value yet."""
        return repeats * self._room

    def own_rows(self, values: Tensor, shape: tuple[Any, ...]) -> Tensor:
        """The noise of rows that count, each in its place; of others some noise."""
        repeats = shape[0] // self._room
        if repeats == 1:
            return values
        starts = jax.numpy.arange(repeats, dtype="int32")[:, None] * self.all_rows
        positions = ops.reshape(starts + self._positions, (-1,))
        return jax.numpy.take(values, positions, axis=0, mode="clip")
