"""The last step of every loader that reads files: from arrays to a `Dataset`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hiervae.datasets.checksums import combined_checksum
from hiervae.datasets.dataset import Array, Dataset, Labels
from hiervae.datasets.dataset_info import BINARISATIONS, Binarisation
from hiervae.datasets.file_store import FileStore
from hiervae.datasets.scaling import binarise
from hiervae.errors import DataError


def assemble(
    store: FileStore,
    splits: Mapping[str, Array],
    labels: Mapping[str, Labels] | None = None,
    *,
    binarisation: Binarisation | None = None,
    binarisation_seed: int = 0,
    **changes: Any,
) -> Dataset:
    """Makes the `Dataset` of arrays that were read through `store`.

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
        raise DataError(f"binarisation={rule!r}; it must be one of {', '.join(BINARISATIONS)}.")
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
