"""Histopathology: grey 28x28 patches of tissue, as prepared by Tomczak and Welling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.assembly import assemble
from hiervae.datasets.dataset import Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.readers.archive import read_tar_member
from hiervae.datasets.readers.bounded import read_limited
from hiervae.datasets.readers.pickled import MAX_PICKLE_BYTES, read_pickled_arrays
from hiervae.datasets.scaling import Array
from hiervae.datasets.store import FileStore
from hiervae.errors import DamagedFileError

_FILE = "histopathology.pkl.tar.gz"
_MEMBER = "histopathology.pkl"
_FOLDER = "https://github.com/jmtomczak/vae_householder_flow/raw/master/datasets/histopathologyGray"
_SIDE = 28
_PARTS = {"train": "training", "valid": "validation", "test": "test"}

INFO = DatasetInfo(
    name="histopathology",
    title="Histopathology, grey patches",
    event_shape=(_SIDE, _SIDE),
    value_range=(0.0, 1.0),
    likelihood="discretized_logistic",
    binarisation="none",
    source="https://github.com/jmtomczak/vae_householder_flow",
    licence="none stated",
    citation=(
        "Tomczak, Welling: Improving variational auto-encoders using Householder flow, "
        "arXiv:1611.09630"
    ),
    sizes={"train": 6_800, "valid": 2_000, "test": 2_000},
    files=(
        RemoteFile(
            name=_FILE,
            urls=(f"{_FOLDER}/{_FILE}",),
            alternatives=(_MEMBER,),
        ),
    ),
    folders=("histopathologyGray", "HistopathologyGray"),
    notes=(
        "Published as a pickle; it is read as data, nothing in it is executed. Values are clipped "
        "to [1/512, 1 - 1/512] as in Tomczak and Welling (2018)."
    ),
)


def load(store: FileStore) -> Dataset:
    """Read the archive, or the pickle unpacked from it.

    Raises:
        DatasetNotFoundError: if the file is missing.
        DamagedFileError: if the file is damaged or holds anything but three sets of patches.
    """
    path = store.require(_FILE)
    if path.name == _MEMBER:
        data = read_limited(path, MAX_PICKLE_BYTES)
    else:
        data = read_tar_member(path, _MEMBER, MAX_PICKLE_BYTES)
    parts = read_pickled_arrays(data, str(path))
    if not isinstance(parts, dict) or not set(_PARTS.values()) <= set(parts):
        raise DamagedFileError(
            f"{path} holds no dictionary with the keys {', '.join(_PARTS.values())}."
        )
    splits = {split: _patches(parts[part], f"{path}: {part}") for split, part in _PARTS.items()}
    return assemble(store, splits)


def _patches(value: Any, where: str) -> Array:
    try:
        patches: NDArray[Any] = np.asarray(value, dtype=np.float32).reshape(-1, _SIDE, _SIDE)
    except (ValueError, TypeError) as error:
        raise DamagedFileError(f"{where} is not a set of {_SIDE}x{_SIDE} patches.") from error
    if len(patches) == 0 or not ((patches >= 0.0) & (patches <= 1.0)).all():
        raise DamagedFileError(f"{where} is empty or has values outside [0, 1].")
    clipped: Array = np.clip(patches, np.float32(1.0 / 512.0), np.float32(1.0 - 1.0 / 512.0))
    return clipped
