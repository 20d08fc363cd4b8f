"""Models on disk."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras

from hiervae.datasets.readers.bounded import check_size, inflated_limit
from hiervae.errors import DamagedFileError, HiervaeError
from hiervae.model import HierarchicalVAE
from hiervae.utils.files import replacing


def save_model(model: HierarchicalVAE, path: Path) -> None:
    """Write a model whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    with replacing(path) as temporary:
        model.save(temporary)


def load_model(path: Path) -> HierarchicalVAE:
    """Read a model that `save_model` wrote, on any backend.

    Raises:
        OSError: if the file cannot be opened.
        DamagedFileError: if it is damaged, or no model of this package.
        RegistryError: if a plugin of the model is not installed.
    """
    with path.open("rb") as stream:  # a missing or unreadable file keeps its own error
        is_archive = zipfile.is_zipfile(stream)
    if not is_archive:  # Keras would say that there is no such file
        raise DamagedFileError(
            f"{path} cannot be read as a model: the file is cut short or otherwise damaged; "
            "expected a .keras archive. Restore it, or train again."
        )
    try:
        _check_contents(path)
        model = keras.models.load_model(path)
    except HiervaeError:
        raise
    except Exception as error:  # a damaged archive raises nearly anything
        own = _own_error(error)
        if own is not None:
            raise own from error
        raise DamagedFileError(
            f"{path} cannot be read as a model ({_first_line(error)}). It is damaged or was "
            "written by another program; restore it, or train again."
        ) from error
    if not isinstance(model, HierarchicalVAE):
        raise DamagedFileError(
            f"{path} holds a {type(model).__name__}; expected a HierarchicalVAE."
        )
    return model


def _check_contents(path: Path) -> None:
    """Refuse what would become far more in memory than the file could hold, before it is read.

    Raises:
        DamagedFileError: if members of the archive inflate, or arrays promise more than there is.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        available = inflated_limit(path.stat().st_size)
        check_size(path, "a model", sum(member.file_size for member in members), available)
        for member in members:
            if member.filename.endswith(".h5"):
                with archive.open(member) as stream, h5py.File(stream, "r") as weights:
                    promised = _num_bytes(weights)
                check_size(path, "weights", promised, inflated_limit(member.file_size))


def _num_bytes(weights: Any) -> int:
    """Bytes that the arrays of an HDF5 file have in memory."""
    sizes: list[int] = []

    def add(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset):
            sizes.append(int(entry.size) * entry.dtype.itemsize)

    weights.visititems(add)
    return sum(sizes)


def _own_error(error: BaseException) -> HiervaeError | None:
    """The package's own error that Keras wrapped, if there is one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, HiervaeError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def _first_line(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return text[:200] or type(error).__name__
