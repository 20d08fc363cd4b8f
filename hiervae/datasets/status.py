"""Which data sets are present on this machine."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hiervae.datasets.catalogue import describe, names
from hiervae.datasets.dataset_info import DatasetInfo
from hiervae.datasets.file_store import FileStore
from hiervae.types import Shape


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
