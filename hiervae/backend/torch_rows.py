"""Shuffled batches of arrays for PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader


class OrderedRows(DataLoader[tuple[torch.Tensor, ...]]):
    """The rows of arrays in batches, in a new order in each pass.

    To Keras a data loader, but batches are gathered at once and not row by row.

    Args:
        arrays: one or more of n rows.
        batch_size: rows of a batch; the last one may be smaller.
        order: returns n numbers in the order of the pass that begins.
    """

    def __init__(
        self,
        arrays: tuple[NDArray[Any], ...],
        batch_size: int,
        order: Callable[[int], NDArray[np.int64]],
    ) -> None:
        super().__init__(range(len(arrays[0])), batch_size=batch_size)
        self._arrays = arrays
        self._new_order = order

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """Begin a pass; batches of tensors on the CPU."""
        size = self.batch_size or 1
        order = self._new_order(len(self._arrays[0]))
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            yield tuple(torch.from_numpy(array[rows]) for array in self._arrays)
