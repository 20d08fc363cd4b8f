"""Examples decoded batch by batch, for sets that are too large for memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.draws import checked_seed
from hiervae.datasets.scaling import Array, scale_bytes
from hiervae.datasets.sources import ImageSource
from hiervae.errors import DatasetOptionError


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
            indices: numbers of the images that belong to this part; None takes all.
            batch_size: examples per batch.
            shuffle: give the examples in a new order each epoch.
            seed: seed of the orders.
            workers: threads that decode ahead.

        Raises:
            DataError: if the batch size or the number of workers is below 1, or the seed below 0.
        """
        super().__init__(workers=workers)
        for name, value in (("batch_size", batch_size), ("workers", workers)):
            if value < 1:
                raise DatasetOptionError(f"{name} is {value}; it must be at least 1.")
        self._source = source
        everything = np.arange(source.shape[0], dtype=np.int64)
        self._indices = everything if indices is None else np.asarray(indices, dtype=np.int64)
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
        """Return one batch, float32 in [0, 1] of shape (batch, *event_shape), in a tuple of one."""
        start = index * self._batch_size
        return (scale_bytes(self._source.read(self._order[start : start + self._batch_size])),)

    def read(self, indices: Sequence[int] | NDArray[Any] | slice) -> Array:
        """Decode examples by their number, in the order of the files and labels.

        Args:
            indices: numbers of examples of this part, or a slice.

        Returns:
            float32 in [0, 1], shape (number of indices, *event_shape).
        """
        chosen = indices if isinstance(indices, slice) else np.asarray(indices, dtype=np.int64)
        return scale_bytes(self._source.read(self._indices[chosen]))

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
