"""MNIST: handwritten digits in grey values, or binarised anew for every batch."""

from __future__ import annotations

import numpy as np

from hiervae.datasets.assembly import assemble
from hiervae.datasets.dataset import Binarisation, Dataset, DatasetInfo, Labels, RemoteFile
from hiervae.datasets.readers.idx import read_idx
from hiervae.datasets.scaling import Array, scale_bytes
from hiervae.datasets.splits import split_indices
from hiervae.datasets.store import FileStore
from hiervae.errors import DamagedFileError, DatasetOptionError

_ADDRESSES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)
EVENT_SHAPE = (28, 28)
SIZES = {"train": 50_000, "valid": 10_000, "test": 10_000}
_FILES = (
    (
        "train-images-idx3-ubyte.gz",
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    (
        "train-labels-idx1-ubyte.gz",
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    (
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    (
        "t10k-labels-idx1-ubyte.gz",
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)

INFO = DatasetInfo(
    name="mnist",
    title="MNIST",
    event_shape=EVENT_SHAPE,
    value_range=(0.0, 1.0),
    likelihood="bernoulli",
    binarisation="dynamic",
    source="http://yann.lecun.com/exdb/mnist/",
    licence=(
        "copyright Yann LeCun and Corinna Cortes, derived from NIST data; commonly stated as CC "
        "BY-SA 3.0"
    ),
    citation=(
        "LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, "
        "Proceedings of the IEEE 1998"
    ),
    sizes=SIZES,
    files=tuple(
        RemoteFile(
            name=name,
            urls=tuple(address + name for address in _ADDRESSES),
            sha256=sha256,
            num_bytes=num_bytes,
            alternatives=(name.removesuffix(".gz"),),
        )
        for name, num_bytes, sha256 in _FILES
    ),
    labels="the digit",
    label_names=tuple("0123456789"),
    notes="Validation is the last 10,000 of the 60,000 training images, in file order.",
)


def load(
    store: FileStore,
    *,
    binarisation: Binarisation = "dynamic",
    binarisation_seed: int = 0,
    valid_size: int = 10_000,
) -> Dataset:
    """Read the four idx files.

    Args:
        store: finds the files.
        binarisation: `"dynamic"` keeps training values as probabilities to be redrawn for every
            batch and draws validation and test once; `"none"` keeps all grey values.
        binarisation_seed: seed of the validation and test draws.
        valid_size: number of images taken from the end of the training file for validation.

    Raises:
        DatasetNotFoundError: if a file is missing.
        DamagedFileError: if a file is damaged or images and labels differ in number.
        DataError: if an option is out of range.
    """
    return load_idx_images(store, binarisation, binarisation_seed, valid_size)


def load_idx_images(
    store: FileStore, binarisation: Binarisation, binarisation_seed: int, valid_size: int
) -> Dataset:
    """Read the four files named as MNIST's; the last training images become validation.

    Args:
        store: finds the files.
        binarisation: `"dynamic"` or `"none"`.
        binarisation_seed: seed of the validation and test draws.
        valid_size: number of validation images.

    Raises:
        DamagedFileError: if a file is damaged or images and labels differ in number.
        DataError: if an option is out of range.
    """
    if binarisation == "static":
        raise DatasetOptionError(
            f"{store.info.name!r} has no static binarisation; use binarisation='dynamic' or "
            "'none', or the data set 'static_mnist'."
        )
    train, train_labels = _read_pair(store, "train")
    test, test_labels = _read_pair(store, "t10k")
    stop = len(split_indices(len(train), valid_size, 0, seed=None)[0])
    splits = {"train": train[:stop], "valid": train[stop:], "test": test}
    labels = {"train": train_labels[:stop], "valid": train_labels[stop:], "test": test_labels}
    return assemble(
        store, splits, labels, binarisation=binarisation, binarisation_seed=binarisation_seed
    )


def _read_pair(store: FileStore, part: str) -> tuple[Array, Labels]:
    images_path = store.require(f"{part}-images-idx3-ubyte.gz")
    labels_path = store.require(f"{part}-labels-idx1-ubyte.gz")
    images = read_idx(images_path, EVENT_SHAPE)
    labels = read_idx(labels_path, ())
    if len(images) != len(labels):
        raise DamagedFileError(
            f"{images_path} has {len(images)} images, but {labels_path} has {len(labels)} labels; "
            "the files do not belong together."
        )
    return scale_bytes(images), labels.astype(np.int64)
