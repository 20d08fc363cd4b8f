"""The last step of loaders of images that need not be held in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.dataset import Dataset, Examples, Labels
from hiervae.datasets.dataset_info import DatasetInfo
from hiervae.datasets.readers.bounded import MAX_BYTES
from hiervae.datasets.scaling import scale_bytes
from hiervae.datasets.sources import ImageSource
from hiervae.errors import DataError


@dataclass(frozen=True)
class Part:
    """A split: some images of a source.

    Attributes:
        source: the images.
        rows: numbers of the images that belong to the split.
        labels: labels of all images of the source, or None.
    """

    source: ImageSource
    rows: NDArray[np.int64]
    labels: Labels | None = None


def assemble_parts(
    info: DatasetInfo,
    parts: Mapping[str, Part],
    *,
    lazy: bool,
    batch_size: int,
    workers: int,
    **changes: Any,
) -> Dataset:
    """Makes a `Dataset` of the parts `train`, `valid` and `test`.

    Args:
        info: the catalogue entry.
        parts: the splits.
        lazy: give `LazyExamples` instead of arrays; training examples are then shuffled anew each
            epoch.
        batch_size: examples a batch, when lazy.
        workers: threads that decode ahead, when lazy.
        **changes: other fields of `DatasetInfo` that differ from the catalogue's.

    Raises:
        DataError: if all examples are asked for in memory and are too large for that.
    """
    examples = {
        split: _lazy(part, split, batch_size, workers) if lazy else _in_memory(part, info.name)
        for split, part in parts.items()
    }
    labels = {
        split: None if part.labels is None else part.labels[part.rows]
        for split, part in parts.items()
    }
    info = replace(
        info,
        event_shape=parts["train"].source.shape[1:],
        sizes={split: len(part.rows) for split, part in parts.items()},
        **changes,
    )
    return Dataset(
        train=examples["train"],
        valid=examples["valid"],
        test=examples["test"],
        info=info,
        train_labels=labels["train"],
        valid_labels=labels["valid"],
        test_labels=labels["test"],
    )


def _lazy(part: Part, split: str, batch_size: int, workers: int) -> Examples:
    from hiervae.datasets.lazy_examples import LazyExamples

    return LazyExamples(
        part.source,
        part.rows,
        batch_size=batch_size,
        shuffle=split == "train",
        workers=workers,
    )


def _in_memory(part: Part, name: str) -> Examples:
    num_bytes = 4 * len(part.rows) * math.prod(part.source.shape[1:])
    if num_bytes > MAX_BYTES:
        raise DataError(
            f"{name} would need {num_bytes / 2**30:.0f} GiB of memory; load it with lazy=True or a "
            "smaller image_size."
        )
    return scale_bytes(part.source.read(part.rows))
