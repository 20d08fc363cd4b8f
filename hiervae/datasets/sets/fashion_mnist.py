"""Fashion-MNIST: articles of clothing in the format of MNIST."""

from __future__ import annotations

from dataclasses import replace

from hiervae.datasets.dataset import Binarisation, Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.sets.mnist import EVENT_SHAPE, SIZES, load_idx_images
from hiervae.datasets.store import FileStore

_ADDRESSES = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
)
_FILES = (
    (
        "train-images-idx3-ubyte.gz",
        26_421_880,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    (
        "train-labels-idx1-ubyte.gz",
        29_515,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
    (
        "t10k-images-idx3-ubyte.gz",
        4_422_102,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    (
        "t10k-labels-idx1-ubyte.gz",
        5_148,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
)

INFO = DatasetInfo(
    name="fashion_mnist",
    title="Fashion-MNIST",
    event_shape=EVENT_SHAPE,
    value_range=(0.0, 1.0),
    likelihood="bernoulli",
    binarisation="dynamic",
    source="https://github.com/zalandoresearch/fashion-mnist",
    licence="MIT, copyright 2017 Zalando SE",
    citation=(
        "Xiao, Rasul, Vollgraf: Fashion-MNIST: a novel image dataset for benchmarking machine "
        "learning algorithms, arXiv:1708.07747"
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
    labels="the kind of article",
    label_names=(
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    notes=(
        "The file names are MNIST's: keep the files in a folder named fashion_mnist. Validation "
        "is the last 10,000 of the 60,000 training images, in file order."
    ),
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
            batch and draws validation and test once, as Bernoulli likelihoods need it; `"none"`
            keeps all grey values, for a Gaussian likelihood.
        binarisation_seed: seed of the validation and test draws.
        valid_size: number of images taken from the end of the training file for validation.

    Raises:
        DatasetNotFoundError: if a file is missing.
        DamagedFileError: if a file is damaged or images and labels differ in number.
        DataError: if an option is out of range.
    """
    dataset = load_idx_images(store, binarisation, binarisation_seed, valid_size)
    if binarisation == "none":
        return replace(dataset, info=replace(dataset.info, likelihood="gaussian"))
    return dataset
