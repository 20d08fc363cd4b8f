"""The data sets by name."""

from __future__ import annotations

import difflib
import importlib
from typing import Protocol

from hiervae.datasets.dataset import Dataset
from hiervae.datasets.dataset_info import DatasetInfo
from hiervae.errors import DatasetNotFoundError

_NAMES = (
    "caltech101_silhouettes",
    "celeba",
    "chairs",
    "cmu_mocap",
    "faces_3d",
    "fashion_mnist",
    "frey_faces",
    "histopathology",
    "mnist",
    "omniglot",
    "omniglot_rebuilt",
    "pendulum",
    "small_norb",
    "static_mnist",
    "svhn",
)


class Loader(Protocol):
    """What each data set's module offers.

    Attributes:
        INFO: the catalogue entry.
        load: reads the set through a `FileStore`; its keyword arguments are the set's options.
    """

    INFO: DatasetInfo

    @staticmethod
    def load(*args: object, **options: object) -> Dataset:
        """Reads the data set."""
        ...


def names() -> tuple[str, ...]:
    """Names of all data sets, sorted."""
    return _NAMES


def describe(name: str) -> DatasetInfo:
    """What is known of a data set without its files.

    Raises:
        DatasetNotFoundError: if there is no such data set; the nearest name is given.
    """
    return loader(name).INFO


def loader(name: str) -> Loader:
    """The module of a data set.

    Raises:
        DatasetNotFoundError: if there is no such data set; the nearest name is given.
    """
    if name not in _NAMES:
        nearest = difflib.get_close_matches(name, _NAMES, n=1, cutoff=0.5)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise DatasetNotFoundError(
            f"There is no data set {name!r}, and no file or folder of that name.{hint} "
            f"Known: {', '.join(names())}; or the path of a .npz or .npy file or of a folder of "
            "images."
        )
    module: Loader = importlib.import_module(f"hiervae.datasets.sets.{name}")  # type: ignore[assignment]
    return module
