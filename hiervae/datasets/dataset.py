"""The one value that every loader returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.dataset_info import DatasetInfo

if TYPE_CHECKING:
    from hiervae.datasets.lazy_examples import LazyExamples
    from hiervae.datasets.motion.normalisation import ChannelNormalisation

Array: TypeAlias = NDArray[np.float32]
"""Examples in memory, shape (n, *event_shape)."""

Labels: TypeAlias = NDArray[Any]
"""Labels, shape (n,) or (n, number of attributes)."""

Examples: TypeAlias = "Array | LazyExamples"
"""Examples in memory, or decoded batch by batch where a set is too large for that."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training, validation and test examples with the facts about them.

    Attributes:
        train: training examples, float32 of shape (n, *event_shape) inside `info.value_range`; a
            `LazyExamples` (a `keras.utils.PyDataset`) for sets that are not held in memory.
        valid: validation examples, like `train`; may be empty.
        test: test examples, like `train`; may be empty.
        info: event shape, value range, source, licence, checksum and the like.
        train_labels: labels of the training examples in the same order, or None.
        valid_labels: labels of the validation examples, or None.
        test_labels: labels of the test examples, or None.
        normalisation: the affine map that was applied to each channel, with its inverse, or None.
    """

    train: Examples
    valid: Examples
    test: Examples
    info: DatasetInfo
    train_labels: Labels | None = None
    valid_labels: Labels | None = None
    test_labels: Labels | None = None
    normalisation: ChannelNormalisation | None = None

    def __repr__(self) -> str:
        sizes = ", ".join(f"{split}={count}" for split, count in self.info.sizes.items())
        return f"Dataset({self.info.name!r}, event_shape={self.info.event_shape}, {sizes})"
