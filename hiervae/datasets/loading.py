"""The one entrance to all data sets."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hiervae.datasets import image_folder, user_arrays
from hiervae.datasets.catalogue import describe, loader, names
from hiervae.datasets.dataset import Dataset
from hiervae.datasets.file_store import FileStore
from hiervae.errors import DataError


def load(
    name: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = False,
    **options: Any,
) -> Dataset:
    """Loads a data set.

    Args:
        name: one of `hiervae.datasets.names()`, or the path of a `.npz` or `.npy` file or of a
            folder of images.
        data_dir: folder searched first; then `HIERVAE_DATA`, then the Keras cache.
        download: fetch missing files from their published address, with a progress bar and a
            checksum.
        **options: the data set's own options; see its module's `load`.

    Returns:
        Training, validation and test examples with labels and facts.

    Raises:
        DatasetNotFoundError: if the name is unknown or a file is missing; the message says where
            to get it, its checksum and terms, and where to put it.
        DamagedFileError: if a file is truncated or damaged.
        DataError: if an option is unknown or out of range.
    """
    text = os.fspath(name)
    path = Path(text).expanduser()
    if text not in names() and path.exists():
        return _load_path(path, options)
    module = loader(text)
    options = _complete(text, module.load, options)
    dataset = module.load(FileStore(module.INFO, data_dir, download), **options)
    _refuse_mistaken_files(dataset)
    return replace(dataset, info=replace(dataset.info, options=options))


def _load_path(path: Path, options: dict[str, Any]) -> Dataset:
    reader: Callable[..., Dataset]
    if path.is_dir():
        reader = image_folder.load_folder
    elif path.suffix in (".npy", ".npz"):
        reader = user_arrays.load_file
    else:
        raise DataError(
            f"{path} is no data set: expected a .npy or .npz file or a folder of images."
        )
    options = _complete(str(path), reader, options)
    dataset = reader(path, **options)
    return replace(dataset, info=replace(dataset.info, options=options))


def _complete(
    name: str, function: Callable[..., Dataset], options: dict[str, Any]
) -> dict[str, Any]:
    """All options of a loader with the values they will have."""
    parameters = inspect.signature(function).parameters.values()
    known = {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise DataError(
            f"The data set {name!r} has no option {', '.join(map(repr, unknown))}; "
            f"its options are: {', '.join(known) or 'none'}."
        )
    return known | options


def _refuse_mistaken_files(dataset: Dataset) -> None:
    """Several sets use the same file names; a wrong folder must not give the wrong data."""
    own = {remote.sha256 for remote in dataset.info.files}
    for other in names():
        if other == dataset.info.name:
            continue
        published = {remote.sha256 for remote in describe(other).files} - {None} - own
        for file, checksum in dataset.info.checksums.items():
            if checksum in published:
                raise DataError(
                    f"The file {file} found for {dataset.info.name!r} is the one of {other!r}: "
                    f"put the files of each data set into a folder of its name."
                )
