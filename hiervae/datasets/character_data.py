"""The layout of `chardata.mat`, in which 28x28 OMNIGLOT is published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.assembly import assemble
from hiervae.datasets.dataset import Array, Dataset
from hiervae.datasets.dataset_info import Binarisation
from hiervae.datasets.file_store import FileStore
from hiervae.datasets.readers.matlab import read_matlab, upright
from hiervae.datasets.splits import split_indices
from hiervae.errors import DamagedFileError

SIDE = 28
_NUM_ALPHABETS = 50

CharacterSplit = tuple[Array, NDArray[np.int64]]
"""Images (n, 28, 28) in [0, 1] with ink 1, and the number of each image's alphabet."""


def read_character_data(path: Path) -> tuple[CharacterSplit, CharacterSplit]:
    """Reads training and test characters; each is a column of column-major pixels.

    Raises:
        DamagedFileError: if the file is damaged or has values outside [0, 1].
    """
    names = {"data": SIDE**2, "target": _NUM_ALPHABETS}
    expected = {
        prefix + name: (rows, None) for prefix in ("", "test") for name, rows in names.items()
    }
    arrays = read_matlab(path, expected)
    return _split(arrays, "", path), _split(arrays, "test", path)


def _split(arrays: dict[str, NDArray[Any]], prefix: str, path: Path) -> CharacterSplit:
    pixels, alphabets = arrays[f"{prefix}data"], arrays[f"{prefix}target"]
    images = upright(pixels.T.astype(np.float32, copy=False), SIDE, SIDE)
    if pixels.shape[1] != alphabets.shape[1] or not (images.min() >= 0 and images.max() <= 1):
        raise DamagedFileError(
            f"{path}: {prefix}data has values outside [0, 1], or is not as long as "
            f"{prefix}target. Fetch it again."
        )
    return images, alphabets.argmax(axis=0).astype(np.int64)


def assemble_characters(
    store: FileStore,
    train: CharacterSplit,
    test: CharacterSplit,
    *,
    valid_size: int,
    split_seed: int | None,
    binarisation: Binarisation,
    binarisation_seed: int,
) -> Dataset:
    """Holds out validation characters, drawn from all training characters.

    Raises:
        DataError: if an option is out of range.
    """
    rows = split_indices(len(train[0]), valid_size, 0, split_seed)[:2]
    splits = {"train": train[0][rows[0]], "valid": train[0][rows[1]], "test": test[0]}
    labels = {"train": train[1][rows[0]], "valid": train[1][rows[1]], "test": test[1]}
    return assemble(
        store, splits, labels, binarisation=binarisation, binarisation_seed=binarisation_seed
    )
