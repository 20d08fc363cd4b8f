"""Caltech-101 silhouettes: outlines of objects, black on white in the file, inverted here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.assembly import assemble
from hiervae.datasets.dataset import Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.readers.matlab import read_matlab, upright
from hiervae.datasets.scaling import Array
from hiervae.datasets.store import FileStore
from hiervae.errors import DamagedFileError

_FILE = "caltech101_silhouettes_28_split1.mat"
_ADDRESS = f"https://people.cs.umass.edu/~marlin/data/{_FILE}"
_SIDE = 28
_PARTS = {"train": "train", "valid": "val", "test": "test"}

INFO = DatasetInfo(
    name="caltech101_silhouettes",
    title="Caltech-101 silhouettes, 28x28, split 1",
    event_shape=(_SIDE, _SIDE),
    value_range=(0.0, 1.0),
    likelihood="bernoulli",
    binarisation="static",
    source=_ADDRESS,
    licence="none stated by its author; made from Caltech 101 (CC BY 4.0)",
    citation=(
        "Marlin, Swersky, Chen, de Freitas: Inductive principles for restricted Boltzmann machine "
        "learning, AISTATS 2010"
    ),
    sizes={"train": 4_100, "valid": 2_264, "test": 2_307},
    files=(
        RemoteFile(
            name=_FILE,
            urls=(_ADDRESS,),
            sha256="eb6735e8d84b1850fabc5590124aab1755e90c9fd28123585324398405e1e42a",
            num_bytes=872_124,
        ),
    ),
    folders=("caltech101",),
    labels="object class, 0 ... 100 (1 ... 101 in the file)",
    notes=(
        "The file stores 1 for the background and images column by column; here 1 is the object, "
        "as in published work on these models, and images are upright."
    ),
)


def load(store: FileStore) -> Dataset:
    """Read the file of split 1.

    Raises:
        DatasetNotFoundError: if the file is missing.
        DamagedFileError: if the file is damaged.
    """
    path = store.require(_FILE)
    expected: dict[str, tuple[int | None, ...]] = {}
    for part in _PARTS.values():
        expected[f"{part}_data"] = (None, _SIDE**2)
        expected[f"{part}_labels"] = (None, 1)
    arrays = read_matlab(path, expected)
    splits: dict[str, Array] = {}
    labels: dict[str, NDArray[Any]] = {}
    for split, part in _PARTS.items():
        background, classes = arrays[f"{part}_data"], arrays[f"{part}_labels"].ravel()
        if len(background) != len(classes) or not np.isin(background, (0, 1)).all():
            raise DamagedFileError(
                f"{path}: {part}_data has values other than 0 and 1, or is not as long as "
                f"{part}_labels. Fetch it again."
            )
        splits[split] = 1.0 - upright(background, _SIDE, _SIDE).astype(np.float32)
        labels[split] = classes.astype(np.int64) - 1
    return assemble(store, splits, labels)
