"""SVHN: house numbers cropped to 32x32 in colour."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.assembly import Part, assemble_parts
from hiervae.datasets.dataset import Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.files import combined_checksum
from hiervae.datasets.readers.matlab import MatlabVariable, check_matlab, read_matlab, stream_matlab
from hiervae.datasets.sources import ImageSource, JoinedImages, MappedImages
from hiervae.datasets.splits import split_indices
from hiervae.datasets.store import FileStore, derived_file
from hiervae.errors import DamagedFileError

_ADDRESS = "http://ufldl.stanford.edu/housenumbers/"
_SIDE = 32
_FILES = {
    "train_32x32.mat": (
        182_040_794,
        "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
    ),
    "test_32x32.mat": (
        64_275_384,
        "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
    ),
    "extra_32x32.mat": (
        1_329_278_602,
        "a133a4beb38a00fcdda90c9489e0c04f900b660ce8a316a5e854838379a71eb3",
    ),
}

INFO = DatasetInfo(
    name="svhn",
    title="SVHN, cropped digits",
    event_shape=(_SIDE, _SIDE, 3),
    value_range=(0.0, 1.0),
    likelihood="gaussian",
    binarisation="none",
    source=_ADDRESS,
    licence="for non-commercial use only",
    citation=(
        "Netzer, Wang, Coates, Bissacco, Wu, Ng: Reading digits in natural images with "
        "unsupervised feature learning, NIPS workshop 2011"
    ),
    sizes={"train": 68_257, "valid": 5_000, "test": 26_032},
    files=tuple(
        RemoteFile(
            name=name,
            urls=(_ADDRESS + name,),
            sha256=sha256,
            num_bytes=num_bytes,
            optional=name.startswith("extra"),
        )
        for name, (num_bytes, sha256) in _FILES.items()
    ),
    labels="the digit (10 in the file is 0 here)",
    label_names=tuple("0123456789"),
    notes=(
        "Validation is drawn from the shuffled training file. With extra=True the 531,131 extra "
        "images join the training split, which is then read lazily unless lazy=False."
    ),
)


def load(
    store: FileStore,
    *,
    extra: bool = False,
    valid_size: int = 5_000,
    seed: int | None = 0,
    lazy: bool | None = None,
    batch_size: int = 100,
    workers: int = 4,
) -> Dataset:
    """Read images and digits.

    The images are decompressed once into the package's folder of the Keras cache.

    Args:
        store: finds the files.
        extra: add the extra file to the training split.
        valid_size: number of images of the training file held out for validation.
        seed: seed of the shuffling before the division; None keeps the file's order.
        lazy: leave the images on disk and read them batch by batch (`LazyExamples`); None does so
            with `extra` alone.
        batch_size: examples per batch, when lazy.
        workers: threads that read ahead, when lazy.

    Raises:
        DatasetNotFoundError: if a file is missing.
        DamagedFileError: if a file is damaged.
        DataError: if an option is out of range.
    """
    train, train_labels = _read(store, "train_32x32.mat")
    test, test_labels = _read(store, "test_32x32.mat")
    rows, valid_rows, _ = split_indices(train.shape[0], valid_size, 0, seed)
    if extra:
        more, more_labels = _read(store, "extra_32x32.mat")
        rows = np.concatenate([rows, train.shape[0] + np.arange(more.shape[0])])
        train = JoinedImages([train, more])
        train_labels = np.concatenate([train_labels, more_labels])
    parts = {
        "train": Part(train, rows, train_labels),
        "valid": Part(train, valid_rows, train_labels),
        "test": Part(test, np.arange(test.shape[0]), test_labels),
    }
    return assemble_parts(
        store.info,
        parts,
        lazy=extra if lazy is None else lazy,
        batch_size=batch_size,
        workers=workers,
        checksum=combined_checksum(store.checksums),
        checksums=dict(store.checksums),
    )


def _read(store: FileStore, name: str) -> tuple[ImageSource, NDArray[Any]]:
    path = store.require(name)
    images = check_matlab(path, {"X": (_SIDE, _SIDE, 3, None)})["X"]
    digits = read_matlab(path, {"y": (None, 1)})["y"].ravel().astype(np.int64)
    num_images = images.shape[3]
    if images.dtype != np.uint8 or len(digits) != num_images:
        raise DamagedFileError(
            f"{path} has {num_images} images of {images.dtype} and {len(digits)} digits; expected "
            "bytes, and as many images as digits. Fetch it again."
        )
    unpacked = derived_file(store, [path], ".u8", lambda output: _unpack(path, images, output))
    stored_shape = (num_images, 3, _SIDE, _SIDE)
    return MappedImages(unpacked, stored_shape, (0, 3, 2, 1)), digits % 10


def _unpack(path: Path, images: MatlabVariable, output: IO[bytes]) -> None:
    for piece in stream_matlab(path, images):
        output.write(piece)
