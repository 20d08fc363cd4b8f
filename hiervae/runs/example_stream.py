"""The training examples of a run, shuffled by its seed."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.dataset import Examples
from hiervae.runs.data import read_rows


class ExampleStream(keras.utils.PyDataset):
    """Shuffled batches, the same for an epoch whatever came before it.

    Keras draws its own orders from generators that no checkpoint holds; with this, a run that was
    interrupted sees the batches that it would have seen.

    Args:
        examples: shape (n, *event_shape), n >= 1, in memory or decoded batch by batch.
        batch_size: examples per batch; the last one may be smaller.
        seed: of the orders.

    Attributes:
        epoch: the epoch whose batches are given, from 0.
    """

    def __init__(self, examples: Examples, batch_size: int, seed: int) -> None:
        super().__init__(workers=getattr(examples, "workers", 1))
        self.epoch = 0
        self._examples = examples
        self._batch_size = batch_size
        self._seed = seed
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, dtype=np.int64))

    def __len__(self) -> int:
        """Number of batches."""
        return math.ceil(self._examples.shape[0] / self._batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[Any]]:
        """Batch `index` of the epoch, in a tuple of one."""
        epoch, (known, order) = self.epoch, self._order
        if known != epoch:
            order = np.random.default_rng((self._seed, epoch)).permutation(self._examples.shape[0])
            self._order = (epoch, order)
        start = index * self._batch_size
        return (read_rows(self._examples, order[start : start + self._batch_size]),)

    def set_epoch(self, epoch: int) -> None:
        """Give the batches of this epoch, from 0, from now on; a model's `fit` calls it."""
        self.epoch = epoch


class EpochCounter(keras.callbacks.Callback):
    """Tell a stream which epoch begins, for Keras models whose `fit` does not."""

    def __init__(self, stream: ExampleStream) -> None:
        super().__init__()
        self.stream = stream

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the stream's epoch."""
        self.stream.set_epoch(epoch)
