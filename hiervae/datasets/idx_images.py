"""What MNIST and the sets in its format have in common."""

from __future__ import annotations

import numpy as np

from hiervae.datasets.assembly import assemble
from hiervae.datasets.dataset import Array, Dataset, Labels
from hiervae.datasets.dataset_info import Binarisation
from hiervae.datasets.file_store import FileStore
from hiervae.datasets.readers.idx import read_idx
from hiervae.datasets.scaling import scale_bytes
from hiervae.datasets.splits import split_indices
from hiervae.errors import DamagedFileError, DataError

EVENT_SHAPE = (28, 28)
SIZES = {"train": 50_000, "valid": 10_000, "test": 10_000}


def load_idx_images(
    store: FileStore, binarisation: Binarisation, binarisation_seed: int, valid_size: int
) -> Dataset:
    """Reads the four files named as MNIST's; the last training images become validation.

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
        raise DataError(
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
