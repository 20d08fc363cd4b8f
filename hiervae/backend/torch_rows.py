"""Batches of arrays for PyTorch."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import torch
from torch.utils.data import DataLoader


class Batches(DataLoader[tuple[torch.Tensor, ...]]):
    """The batches of a data set as tensors on the CPU, without the work of PyTorch's own loader.

    Args:
        source: of batches that are tuples of new arrays; batch 0 begins a pass.
    """

    def __init__(self, source: keras.utils.PyDataset) -> None:
        super().__init__(range(source.num_batches or 0), batch_size=None)
        self._source = source

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """Begin a pass."""
        for number in range(len(self)):
            yield tuple(torch.from_numpy(array) for array in self._source[number])
