"""The last step of every loader: from arrays or image sources to a `Dataset`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.dataset import (
    BINARISATIONS,
    Binarisation,
    Dataset,
    DatasetInfo,
    Examples,
    Labels,
)
from hiervae.datasets.files import combined_checksum
from hiervae.datasets.readers.bounded import MAX_BYTES
from hiervae.datasets.scaling import Array, binarise, scale_bytes
from hiervae.datasets.sources import ImageSource
from hiervae.datasets.sources.requests import check_counts
from hiervae.datasets.store import FileStore
from hiervae.errors import DataError, DatasetOptionError


def assemble(
    store: FileStore,
    splits: Mapping[str, Array],
    labels: Mapping[str, Labels] | None = None,
    *,
    binarisation: Binarisation | None = None,
    binarisation_seed: int = 0,
    **changes: Any,
) -> Dataset:
    """Make the `Dataset` of arrays that were read through `store`.

    Args:
        store: knows the catalogue entry and the checksums of the files read.
        splits: `train`, `valid` and `test`, each (n, *event_shape).
        labels: labels of the splits, or None.
        binarisation: overrides the catalogue's rule. With `"dynamic"`, validation and test are
            drawn once here, training values stay probabilities.
        binarisation_seed: seed of that draw; the test split uses the next number.
        **changes: other fields of `DatasetInfo` that differ from the catalogue's.

    Raises:
        DataError: if the rule is unknown.
    """
    rule = store.info.binarisation if binarisation is None else binarisation
    if rule not in BINARISATIONS:
        raise DatasetOptionError(
            f"binarisation={rule!r}; it must be one of {', '.join(BINARISATIONS)}."
        )
    train, valid, test = splits["train"], splits["valid"], splits["test"]
    if rule == "dynamic":
        valid = binarise(valid, binarisation_seed)
        test = binarise(test, binarisation_seed + 1)
        changes["likelihood"] = "bernoulli"
    labels = labels or {}
    info = replace(
        store.info,
        event_shape=train.shape[1:],
        binarisation=rule,
        sizes={"train": len(train), "valid": len(valid), "test": len(test)},
        checksum=combined_checksum(store.checksums),
        checksums=dict(store.checksums),
        **changes,
    )
    return Dataset(
        train, valid, test, info, labels.get("train"), labels.get("valid"), labels.get("test")
    )


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
    """Make a `Dataset` of the parts `train`, `valid` and `test`.

    Args:
        info: the catalogue entry.
        parts: the splits.
        lazy: give `LazyExamples` instead of arrays; training examples are then shuffled anew each
            epoch.
        batch_size: examples per batch, when lazy.
        workers: threads that decode ahead, when lazy.
        **changes: other fields of `DatasetInfo` that differ from the catalogue's.

    Raises:
        DataError: if the batch size or the number of workers is no positive integer, or all
            examples are asked for in memory and are too large for that.
    """
    check_counts(batch_size=batch_size, workers=workers)
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
    from hiervae.datasets.sources.lazy_examples import LazyExamples

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
