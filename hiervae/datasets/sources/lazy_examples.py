"""Examples decoded batch by batch, for sets that are too large for memory."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.draws import checked_seed
from hiervae.datasets.scaling import Array, scale_bytes
from hiervae.datasets.sources import ImageSource
from hiervae.datasets.sources.requests import check_counts, row_numbers
from hiervae.errors import DataError


class LazyExamples(keras.utils.PyDataset):
    """A part of an image source, decoded by workers while the model trains.

    It goes into `model.fit` as it is. The order of an epoch is a function of the seed and the
    epoch alone, whatever the number of workers. As for every `PyDataset`, `len` counts batches; the
    number of examples is `shape[0]`. For code that needs an array, `read` decodes any examples, and
    `np.asarray` all of them.
    """

    def __init__(
        self,
        source: ImageSource,
        indices: Sequence[int] | NDArray[Any] | None = None,
        *,
        batch_size: int = 100,
        shuffle: bool = False,
        seed: int = 0,
        workers: int = 4,
    ) -> None:
        """Choose examples of a source.

        Args:
            source: the images.
            indices: numbers of the images that belong to this part, or a mask; None takes all.
            batch_size: examples per batch.
            shuffle: give the examples in a new order each epoch.
            seed: seed of the orders.
            workers: threads that decode ahead.

        Raises:
            DataError: if the batch size or the number of workers is no positive integer, the seed
                is below 0, or `indices` chooses no images.
            IndexError: if one of the numbers is out of range.
        """
        check_counts(batch_size=batch_size, workers=workers)
        super().__init__(workers=workers)
        self._source = source
        chosen = slice(None) if indices is None else indices
        self._indices = row_numbers(chosen, source.shape[0])
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._seed = checked_seed(seed)
        self.set_epoch(0)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of examples, then the shape of one."""
        return (len(self._indices), *self._source.shape[1:])

    def __len__(self) -> int:
        """Return the number of batches, the last one possibly smaller."""
        return math.ceil(len(self._indices) / self._batch_size)

    def __getitem__(self, index: int) -> tuple[Array]:
        """Return one batch, float32 in [0, 1] of shape (batch, *event_shape), in a tuple of one.

        Raises:
            IndexError: if there is no such batch, by which a loop over all of them ends.
            DataError: if `index` is no integer.
        """
        given: Any = index
        if not isinstance(given, numbers.Integral):
            raise DataError(f"The batch {given!r} was asked for; expected the number of one.")
        if not -len(self) <= index < len(self):
            raise IndexError(f"There is no batch {index}; there are {len(self)}.")
        start = index % len(self) * self._batch_size
        return (scale_bytes(self._source.read(self._order[start : start + self._batch_size])),)

    def read(self, indices: Sequence[int] | NDArray[Any] | slice) -> Array:
        """Decode examples by their number, in the order of the files and labels.

        Args:
            indices: what NumPy takes for the first axis of an array: numbers of examples of this
                part, negative ones counted from the end; a mask, one boolean for each example; or a
                slice.

        Returns:
            float32 in [0, 1], shape (number of chosen examples, *event_shape).

        Raises:
            IndexError: if a number is out of range.
            DataError: if `indices` is nothing of the kind, or a mask of another length.
        """
        return scale_bytes(self._source.read(self._indices[row_numbers(indices, self.shape[0])]))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all examples in memory."""
        examples = self.read(slice(None))
        return examples if dtype is None else examples.astype(dtype)

    def set_epoch(self, epoch: int) -> None:
        """Give the examples in the order of this epoch, from 0; a model's `fit` calls it."""
        self._epoch = epoch
        self._order = self._indices
        if self._shuffle:
            self._order = np.random.default_rng((self._seed, epoch)).permutation(self._indices)

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's order."""
        self.set_epoch(self._epoch + 1)
