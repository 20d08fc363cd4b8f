"""MNIST binarised once and for all, as Larochelle and Murray published it."""

from __future__ import annotations

import numpy as np

from hiervae.datasets.assembly import assemble
from hiervae.datasets.dataset import Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.readers.amat import read_amat
from hiervae.datasets.splits import split_indices
from hiervae.datasets.store import FileStore

_ADDRESS = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
_CHECKSUMS = {
    "train": "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d",
    "valid": "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2",
    "test": "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c",
}
_SIZES = {"train": 50_000, "valid": 10_000, "test": 10_000}
_EVENT_SHAPE = (28, 28)
_NUM_PIXELS = 784

INFO = DatasetInfo(
    name="static_mnist",
    title="MNIST, statically binarised",
    event_shape=_EVENT_SHAPE,
    value_range=(0.0, 1.0),
    likelihood="bernoulli",
    binarisation="static",
    source=_ADDRESS,
    licence="no separate licence stated; derived from MNIST (commonly stated as CC BY-SA 3.0)",
    citation=(
        "Salakhutdinov, Murray: On the quantitative analysis of deep belief networks, ICML 2008; "
        "Larochelle, Murray: The neural autoregressive distribution estimator, AISTATS 2011"
    ),
    sizes=_SIZES,
    files=tuple(
        RemoteFile(
            name=f"binarized_mnist_{split}.amat",
            urls=(f"{_ADDRESS}binarized_mnist_{split}.amat",),
            sha256=checksum,
            num_bytes=_SIZES[split] * 2 * _NUM_PIXELS,
            alternatives=(f"binarized_mnist_{split}.amat.gz",),
        )
        for split, checksum in _CHECKSUMS.items()
    ),
    folders=("binarized_mnist",),
    notes=(
        "The test images are sorted by class, so consecutive test rows hold one digit: shuffle "
        "them before taking a part. Training and validation are in another order than MNIST's. "
        "`valid_size` takes validation from the end of both files together, and 0 trains on all "
        "60,000."
    ),
)


def load(store: FileStore, *, valid_size: int | None = None) -> Dataset:
    """Read the three `.amat` files, plain or gzipped.

    Args:
        store: finds the files.
        valid_size: number of images for validation, the last of the training and the validation
            file put together; 0 trains on all 60,000. None keeps the files as they are.

    Raises:
        DatasetNotFoundError: if a file is missing.
        DamagedFileError: if a file is not lines of 784 digits 0 or 1.
        DataError: if the option is out of range.
    """
    splits = {
        split: read_amat(store.require(remote.name), _NUM_PIXELS)
        .astype(np.float32)
        .reshape(-1, *_EVENT_SHAPE)
        for split, remote in zip(_CHECKSUMS, INFO.files, strict=True)
    }
    if valid_size is not None:
        images = np.concatenate([splits["train"], splits["valid"]])
        stop = len(split_indices(len(images), valid_size, 0, seed=None)[0])
        splits |= {"train": images[:stop], "valid": images[stop:]}
    return assemble(store, splits)
