"""OMNIGLOT at 28x28: the file of Burda, Grosse and Salakhutdinov."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.assembly import assemble
from hiervae.datasets.dataset import Binarisation, Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.readers.matlab import read_matlab, upright
from hiervae.datasets.scaling import Array
from hiervae.datasets.splits import split_indices
from hiervae.datasets.store import FileStore
from hiervae.errors import DamagedFileError

_FILE = "chardata.mat"
SIDE = 28
_NUM_ALPHABETS = 50

CharacterSplit = tuple[Array, NDArray[np.int64]]
"""Images (n, 28, 28) in [0, 1] with ink 1, and the number of each image's alphabet."""

INFO = DatasetInfo(
    name="omniglot",
    title="OMNIGLOT, 28x28 of Burda et al.",
    event_shape=(SIDE, SIDE),
    value_range=(0.0, 1.0),
    likelihood="bernoulli",
    binarisation="dynamic",
    source="https://github.com/yburda/iwae/tree/master/datasets/OMNIGLOT",
    licence="MIT, copyright 2015 Brenden Lake",
    citation=(
        "Lake, Salakhutdinov, Tenenbaum: Human-level concept learning through probabilistic "
        "program induction, Science 2015; Burda, Grosse, Salakhutdinov: Importance weighted "
        "autoencoders, ICLR 2016"
    ),
    sizes={"train": 23_000, "valid": 1_345, "test": 8_070},
    files=(
        RemoteFile(
            name=_FILE,
            urls=("https://github.com/yburda/iwae/raw/master/datasets/OMNIGLOT/chardata.mat",),
            md5="21ecaf34373511aa7691cf2e0802aa3d",
        ),
    ),
    labels="number of the alphabet, 0 ... 49",
    notes="Images are stored column by column; validation is drawn from the shuffled training set.",
)


def load(
    store: FileStore,
    *,
    binarisation: Binarisation = "dynamic",
    binarisation_seed: int = 0,
    valid_size: int = 1_345,
    split_seed: int | None = 0,
) -> Dataset:
    """Read `chardata.mat`.

    Args:
        store: finds the file.
        binarisation: `"dynamic"` keeps training values as probabilities to be redrawn for every
            batch and draws validation and test once; `"none"` keeps all grey values.
        binarisation_seed: seed of the validation and test draws.
        valid_size: number of validation characters.
        split_seed: seed of the shuffling before the division; None keeps the file's order.

    Raises:
        DatasetNotFoundError: if the file is missing.
        DamagedFileError: if the file is damaged.
        DataError: if an option is out of range.
    """
    train, test = read_character_data(store.require(_FILE))
    return assemble_characters(
        store,
        train,
        test,
        valid_size=valid_size,
        split_seed=split_seed,
        binarisation=binarisation,
        binarisation_seed=binarisation_seed,
    )


def read_character_data(path: Path) -> tuple[CharacterSplit, CharacterSplit]:
    """Read training and test characters; each is a column of column-major pixels.

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
    """Hold out validation characters, drawn from all training characters.

    Raises:
        DataError: if an option is out of range.
    """
    rows = split_indices(len(train[0]), valid_size, 0, split_seed)[:2]
    splits = {"train": train[0][rows[0]], "valid": train[0][rows[1]], "test": test[0]}
    labels = {"train": train[1][rows[0]], "valid": train[1][rows[1]], "test": test[1]}
    return assemble(
        store, splits, labels, binarisation=binarisation, binarisation_seed=binarisation_seed
    )
