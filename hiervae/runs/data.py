"""The data of a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae import datasets
from hiervae.datasets import Dataset
from hiervae.datasets.catalogue import is_known
from hiervae.datasets.dataset import Examples
from hiervae.errors import DataError, DatasetNotFoundError
from hiervae.runs.config import RunConfig
from hiervae.types import Config

SPLITS = ("train", "valid", "test")

ANGLE = "angle in radians"
"""How the facts about a data set begin to describe labels that are angles."""


def load_data(
    config: RunConfig, data_dir: str | os.PathLike[str] | None = None, download: bool = False
) -> Dataset:
    """The data set of a run, checked against the checksum the run was made with, if any.

    Raises:
        DatasetNotFoundError: if there is no such data set, or a file is missing.
        DamagedFileError: if a file is damaged.
        DataError: if an option is wrong, or the data is not what the run was made with.
    """
    options, expected = config.dataset["options"], config.data.get("checksum")
    name = place_of(config.dataset["name"], data_dir)
    if name is None and expected is not None:
        raise DatasetNotFoundError(
            f"The run was trained on {config.dataset['name']}, which does not exist here. Put the "
            "file or folder back there, or give the folder that it is in now by --data-dir."
        )
    dataset = datasets.load(name or config.dataset["name"], data_dir, download, **options)
    if expected is not None and dataset.info.checksum != expected:
        raise DataError(
            f"The data set {config.dataset['name']!r} has the checksum {dataset.info.checksum}; "
            f"the run was made with {expected}. Give the folder of the same data by --data-dir, "
            "or train again in another folder."
        )
    return dataset


def place_of(name: str, data_dir: str | os.PathLike[str] | None) -> str | None:
    """A data set's name, or where the user's own file or folder is: in `data_dir` if it was moved.

    Returns:
        None where such a file or folder is in neither place.
    """
    path = Path(name).expanduser()
    is_path = len(path.parts) > 1 or path.suffix in (".npy", ".npz")
    if is_known(name) or path.exists() or not is_path:
        return name
    if data_dir and (moved := Path(data_dir).expanduser().resolve() / path.name).exists():
        return str(moved)
    return None


def describe_data(dataset: Dataset) -> Config:
    """What a run keeps of the data it was made with."""
    record = dataset.info.as_dict()
    kept = ("name", "title", "event_shape", "value_range", "sizes", "binarisation", "checksum")
    return {key: record[key] for key in (*kept, "checksums", "source", "licence")}


def num_examples(dataset: Dataset, split: str) -> int:
    """Number of examples of a split."""
    return int(getattr(dataset, split).shape[0])


def examples_of(dataset: Dataset, split: str, limit: int | None = None) -> NDArray[Any]:
    """Examples of a split in memory, shape (n, *event_shape).

    Args:
        dataset: the data set.
        split: "train", "valid" or "test".
        limit: take so many, spread evenly over the split: some are sorted by class.

    Raises:
        DataError: if the split is empty.
    """
    require_split(dataset, split)
    return read_rows(getattr(dataset, split), _rows(dataset, split, limit))


def require_split(dataset: Dataset, split: str) -> None:
    """Refuse a split without examples.

    Raises:
        DataError: if the split is empty.
    """
    if not num_examples(dataset, split):
        filled = [name for name in SPLITS if num_examples(dataset, name)]
        raise DataError(
            f"The {split} split of {dataset.info.name!r} is empty; it has {', '.join(filled)}. "
            "Choose one of these, or change the data set's options."
        )


def read_rows(examples: Examples, rows: Any) -> NDArray[Any]:
    """Rows of an array, or of examples that are decoded when they are asked for."""
    read: Any = examples.__getitem__ if isinstance(examples, np.ndarray) else examples.read
    return np.asarray(read(rows))


def held_out_split(dataset: Dataset) -> str:
    """The split to look at a trained model with: the test examples where there are any."""
    return next(name for name in reversed(SPLITS) if num_examples(dataset, name))


def labels_of(dataset: Dataset, split: str, limit: int | None = None) -> NDArray[Any] | None:
    """Labels of what `examples_of` gives, shape (n,); None where there is not one an example."""
    labels = getattr(dataset, f"{split}_labels")
    if labels is None or np.ndim(labels) != 1:
        return None
    return np.asarray(labels)[_rows(dataset, split, limit)]


def has_angles(dataset: Dataset) -> bool:
    """Whether the labels are angles in radians."""
    return (dataset.info.labels or "").startswith(ANGLE)


def _rows(dataset: Dataset, split: str, limit: int | None) -> Any:
    total = num_examples(dataset, split)
    if limit is None or limit >= total:
        return slice(None)
    return np.arange(limit) * total // limit
