"""The data sets by name, and which of them are on this machine."""

from __future__ import annotations

import difflib
import importlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from hiervae.datasets.dataset import Dataset, DatasetInfo
from hiervae.datasets.store import FileStore
from hiervae.errors import DatasetNotFoundError
from hiervae.types import Shape

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


@dataclass(frozen=True)
class DatasetStatus:
    """One row of the list of data sets.

    Attributes:
        name: the name to pass to `load`.
        title: the name for people.
        present: whether all needed files were found (or none are needed).
        path: folder of the first file found, None where there is none.
        num_bytes: size of the files found.
        missing: names of the files that were not found.
        event_shape: shape of one example.
        num_examples: examples of all splits together.
        licence: licence or terms.
    """

    name: str
    title: str
    present: bool
    path: str | None
    num_bytes: int
    missing: tuple[str, ...]
    event_shape: Shape
    num_examples: int
    licence: str

    def as_dict(self) -> dict[str, Any]:
        """All fields as JSON-serialisable values."""
        return asdict(self)


def status(data_dir: str | os.PathLike[str] | None = None) -> tuple[DatasetStatus, ...]:
    """One row for each data set, sorted by name; reads no file's content.

    Args:
        data_dir: folder searched first; then `HIERVAE_DATA`, then the Keras cache.
    """
    return tuple(_row(describe(name), data_dir) for name in names())


def _row(info: DatasetInfo, data_dir: str | os.PathLike[str] | None) -> DatasetStatus:
    store = FileStore(info, data_dir)
    found: list[Path] = []
    missing: list[str] = []
    for remote in info.files:
        path = next(filter(None, map(store.find, (remote.name, *remote.alternatives))), None)
        if path is not None:
            found.append(path)
        elif not remote.optional:
            missing.append(remote.name)
    return DatasetStatus(
        name=info.name,
        title=info.title,
        present=not missing,
        path=str(found[0].parent) if found else None,
        num_bytes=sum(path.stat().st_size for path in found if path.is_file()),
        missing=tuple(missing),
        event_shape=info.event_shape,
        num_examples=sum(info.sizes.values()),
        licence=info.licence,
    )
