"""MNIST: handwritten digits in grey values, or binarised anew for every batch."""

from __future__ import annotations

from hiervae.datasets.dataset import Dataset
from hiervae.datasets.dataset_info import Binarisation, DatasetInfo
from hiervae.datasets.file_store import FileStore
from hiervae.datasets.idx_images import EVENT_SHAPE, SIZES, load_idx_images
from hiervae.datasets.remote_file import RemoteFile

_ADDRESSES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)
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
    """Reads the four idx files.

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
