"""Frey Faces: 1965 consecutive video frames of one face."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.assembly import assemble
from hiervae.datasets.dataset import Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.readers.bounded import read_limited
from hiervae.datasets.readers.matlab import read_matlab
from hiervae.datasets.readers.npy import read_npz
from hiervae.datasets.readers.pickled import MAX_PICKLE_BYTES, read_pickled_arrays
from hiervae.datasets.splits import split_indices
from hiervae.datasets.store import FileStore
from hiervae.errors import DamagedFileError

_FILE = "frey_rawface.mat"
_HEIGHT, _WIDTH = 28, 20

INFO = DatasetInfo(
    name="frey_faces",
    title="Frey Faces",
    event_shape=(_HEIGHT, _WIDTH),
    value_range=(0.0, 1.0),
    likelihood="discretized_logistic",
    binarisation="none",
    source="https://cs.nyu.edu/~roweis/data.html",
    licence="none stated; credit Brendan Frey, distributed by Sam Roweis",
    citation=(
        "Roweis, Saul, Hinton: Global coordination of local linear models, NIPS 2002 (images by "
        "Brendan Frey)"
    ),
    sizes={"train": 1_565, "valid": 200, "test": 200},
    files=(
        RemoteFile(
            name=_FILE,
            urls=("https://cs.nyu.edu/~roweis/data/frey_rawface.mat",),
            sha256="265a83a23adb081755cd3de375509828e690324d1d60f076b8ecebc840d59c64",
            num_bytes=1_100_584,
            alternatives=("freyfaces.npz", "freyfaces.pkl"),
        ),
    ),
    folders=("freyfaces",),
    notes=(
        "Values are (byte + 0.5) / 256, as in Tomczak and Welling (2018): the centres of 256 bins. "
        "There is no published split; frames are shuffled with `seed` and divided."
    ),
)


def load(
    store: FileStore, *, valid_size: int = 200, test_size: int = 200, seed: int | None = 0
) -> Dataset:
    """Read `frey_rawface.mat`, or the same array as `freyfaces.npz` or `freyfaces.pkl`.

    Args:
        store: finds the file.
        valid_size: number of validation images.
        test_size: number of test images.
        seed: seed of the shuffling before the division; None keeps the video's order.

    Raises:
        DatasetNotFoundError: if the file is missing.
        DamagedFileError: if the file is damaged.
        DataError: if an option is out of range.
    """
    path = store.require(_FILE)
    images = _read(path).reshape(-1, _HEIGHT, _WIDTH)
    values = (images.astype(np.float32) + np.float32(0.5)) / np.float32(256.0)
    rows = split_indices(len(values), valid_size, test_size, seed)
    splits = {split: values[row] for split, row in zip(INFO.sizes, rows, strict=True)}
    return assemble(store, splits)


def _read(path: Path) -> NDArray[Any]:
    num_pixels = _HEIGHT * _WIDTH
    if path.suffix == ".mat":
        rows: Any = read_matlab(path, {"ff": (num_pixels, None)})["ff"].T
    elif path.suffix == ".npz":
        rows = read_npz(path).get("faces")
    else:
        rows = read_pickled_arrays(read_limited(path, MAX_PICKLE_BYTES), str(path))
        rows = rows[0] if isinstance(rows, list) and len(rows) == 1 else rows
    if (
        not isinstance(rows, np.ndarray)
        or rows.dtype != np.uint8
        or rows.shape[1:] != (num_pixels,)
        or len(rows) == 0
    ):
        raise DamagedFileError(
            f"{path} does not hold bytes of shape (n, {num_pixels}); expected the Frey faces."
        )
    return rows
