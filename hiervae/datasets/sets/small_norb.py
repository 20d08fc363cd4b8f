"""small NORB: stereo pairs of toys under changing light and viewpoint."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.assembly import Part, assemble_parts
from hiervae.datasets.dataset import Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.files import combined_checksum
from hiervae.datasets.readers.norb import norb_size, read_norb, stream_norb
from hiervae.datasets.sources import MappedImages
from hiervae.datasets.splits import split_indices
from hiervae.datasets.store import FileStore, derived_file
from hiervae.errors import DamagedFileError, DatasetOptionError

_ADDRESS = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
_TRAIN = "smallnorb-5x46789x9x18x6x2x96x96-training"
_TEST = "smallnorb-5x01235x9x18x6x2x96x96-testing"
_FILES = {
    f"{_TRAIN}-dat.mat.gz": (
        131_896_188,
        "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873",
    ),
    f"{_TRAIN}-cat.mat.gz": (
        348,
        "2784e542c1922060691090952b6cd6278879a216c90f81476f0f00256d42cdaa",
    ),
    f"{_TEST}-dat.mat.gz": (
        130_799_817,
        "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474",
    ),
    f"{_TEST}-cat.mat.gz": (
        347,
        "ecaf6d5bb8c3bc5eab9cf0258f6d2198dd474e016e374836fc097f2e5ff509ff",
    ),
}
_SIDE = 96
_PAIR = (2, _SIDE, _SIDE)
_DEFAULT_SIZE = 32
_PAIRS_PER_CHUNK = 500

INFO = DatasetInfo(
    name="small_norb",
    title="small NORB",
    event_shape=(_DEFAULT_SIZE, _DEFAULT_SIZE),
    value_range=(0.0, 1.0),
    likelihood="gaussian",
    binarisation="none",
    source=_ADDRESS,
    licence="provided for research purposes; it cannot be sold; publications cite the paper",
    citation=(
        "LeCun, Huang, Bottou: Learning methods for generic object recognition with invariance to "
        "pose and lighting, CVPR 2004"
    ),
    sizes={"train": 43_740, "valid": 4_860, "test": 48_600},
    files=tuple(
        RemoteFile(
            name=name,
            urls=(_ADDRESS + name,),
            sha256=sha256,
            num_bytes=num_bytes,
            alternatives=(name.removesuffix(".gz"),),
        )
        for name, (num_bytes, sha256) in _FILES.items()
    ),
    folders=("smallnorb",),
    labels="category",
    label_names=("animal", "human", "airplane", "truck", "car"),
    notes=(
        "Both images of a stereo pair are examples (they stay in one split); 96x96 pixels are "
        "averaged to `image_size`. Validation is drawn from the shuffled training pairs."
    ),
)


def load(
    store: FileStore,
    *,
    image_size: int = _DEFAULT_SIZE,
    valid_size: int = 2_430,
    seed: int | None = 0,
    lazy: bool = False,
    batch_size: int = 100,
    workers: int = 4,
) -> Dataset:
    """Read images and categories.

    The images are unpacked once into the package's folder of the Keras cache.

    Args:
        store: finds the files.
        image_size: height and width; a divisor of 96.
        valid_size: number of training pairs held out for validation.
        seed: seed of the shuffling before the division; None keeps the file's order.
        lazy: leave the images on disk and read them batch by batch (`LazyExamples`).
        batch_size: examples per batch, when lazy.
        workers: threads that read ahead, when lazy.

    Raises:
        DatasetNotFoundError: if a file is missing.
        DamagedFileError: if a file is damaged.
        DataError: if an option is out of range.
    """
    if not 1 <= image_size <= _SIDE or _SIDE % image_size:
        raise DatasetOptionError(f"image_size is {image_size}; it must divide {_SIDE}.")
    train, train_labels = _read(store, _TRAIN, image_size)
    test, test_labels = _read(store, _TEST, image_size)
    pairs = split_indices(train.shape[0] // 2, valid_size, 0, seed)[:2]
    rows, valid_rows = ((2 * pair[:, None] + np.arange(2)).ravel() for pair in pairs)
    parts = {
        "train": Part(train, rows, train_labels),
        "valid": Part(train, valid_rows, train_labels),
        "test": Part(test, np.arange(test.shape[0]), test_labels),
    }
    return assemble_parts(
        store.info,
        parts,
        lazy=lazy,
        batch_size=batch_size,
        workers=workers,
        checksum=combined_checksum(store.checksums),
        checksums=dict(store.checksums),
    )


def _read(store: FileStore, prefix: str, image_size: int) -> tuple[MappedImages, NDArray[np.int64]]:
    path = store.require(f"{prefix}-dat.mat.gz")
    labels = read_norb(store.require(f"{prefix}-cat.mat.gz"), ())
    num_pairs, dtype = norb_size(path, _PAIR)
    if num_pairs != len(labels) or dtype != np.uint8:
        raise DamagedFileError(
            f"{path} has {num_pairs} pairs of {dtype}, but its categories number "
            f"{len(labels)}; the files do not belong together."
        )
    unpacked = derived_file(
        store, [path], f"-{image_size}.u8", lambda output: _unpack(path, output, image_size)
    )
    shape = (2 * num_pairs, image_size, image_size)
    return MappedImages(unpacked, shape, (0, 1, 2)), np.repeat(labels.astype(np.int64), 2)


def _unpack(path: Path, output: IO[bytes], image_size: int) -> None:
    factor = _SIDE // image_size
    for pairs in stream_norb(path, _PAIR, _PAIRS_PER_CHUNK):
        blocks = pairs.reshape(-1, image_size, factor, image_size, factor)
        output.write(np.rint(blocks.mean(axis=(2, 4), dtype=np.float32)).astype(np.uint8))
