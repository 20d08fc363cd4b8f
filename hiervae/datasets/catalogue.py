"""The data sets by name, and which of them are on this machine."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hiervae.datasets.dataset import Dataset, DatasetInfo
from hiervae.datasets.plugin_sets import check_info, check_loader
from hiervae.datasets.store import FileStore, require_folder
from hiervae.errors import (
    HiervaeError,
    IncompatiblePluginError,
    UnknownDatasetError,
    UnknownPluginError,
)
from hiervae.registry import available, entries
from hiervae.registry.catalogue import is_built_in
from hiervae.registry.entries import BUILT_IN
from hiervae.registry.explanations import reason, received
from hiervae.registry.resolution import find, load_entry
from hiervae.types import Shape

GROUP = "hiervae.datasets"
"""Entry-point group of the loaders; the module of each also defines the set's `INFO`."""


@dataclass(frozen=True)
class Loader:
    """What an entry point of `GROUP` stands for.

    Attributes:
        info: the catalogue entry, `INFO` of the module that defines the function.
        load: the function; reads the set through a `FileStore`, its first argument. Its keyword
            arguments are the set's options.
        what: the set with its distribution, version and target, for messages.
        is_built_in: whether it is hiervae's own.
    """

    info: DatasetInfo
    load: Callable[..., Dataset]
    what: str
    is_built_in: bool


def names() -> tuple[str, ...]:
    """Return the names of all data sets, sorted, those of plugins among them; imports none."""
    return available(GROUP)


def is_known(name: str) -> bool:
    """Return whether `name`, or `"distribution:name"`, stands for a data set; imports none."""
    distribution, _, bare = name.rpartition(":")
    return bool(bare) and any(row.is_named(bare, distribution) for row in entries(GROUP))


def describe(name: str) -> DatasetInfo:
    """Return what is known of a data set without its files.

    Raises:
        UnknownDatasetError: if there is no such data set; the nearest name is given.
        PluginConflictError: if more than one distribution offers it.
        BrokenPluginError: if a plugin's module cannot be imported.
        IncompatiblePluginError: if it does not define a loader and its `INFO`, or these are not of
            the form that is asked for.
    """
    return loader(name).info


def loader(name: str) -> Loader:
    """Import and return the loader of a data set.

    Raises:
        UnknownDatasetError: if there is no such data set; the nearest name is given.
        PluginConflictError: if more than one distribution offers it.
        BrokenPluginError: if a plugin's module cannot be imported.
        IncompatiblePluginError: if it does not define a loader and its `INFO`, or these are not of
            the form that is asked for.
    """
    try:
        entry = find(GROUP, name)
    except UnknownPluginError as error:
        raise UnknownDatasetError(
            f"{error} No file or folder has that name either: expected one of these names, or the "
            "path of a .npz or .npy file or of a folder of images."
        ) from error
    load = load_entry(entry)
    what = f"The data set {entry.name!r} ({entry.origin})"
    info = getattr(inspect.unwrap(load), "__globals__", {}).get("INFO")
    if not isinstance(info, DatasetInfo):
        raise IncompatiblePluginError(
            f"{what} has no facts: INFO in the module of its loader is {received(info)}. Expected "
            "a hiervae.datasets.DatasetInfo; define it there, and let the entry point name a "
            "function of that module."
        )
    if not is_built_in(entry):
        check_loader(what, load)
        check_info(f"{what}: INFO in the module of its loader", info)
    return Loader(replace(info, name=entry.name), load, what, is_built_in(entry))


def owner(sha256: str) -> str | None:
    """Return the name of the built-in set that publishes a file with this SHA-256, or None.

    Those of plugins are not asked: one of them may be broken, which is to harm no other set.
    """
    for row in entries(GROUP):
        if row.is_named(row.name, BUILT_IN):
            files = describe(row.qualified_name).files
            if sha256 in (remote.sha256 for remote in files):
                return row.name
    return None


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
        problem: why a plugin's set cannot be used; empty for a sound one.
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
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return all fields as JSON-serialisable values."""
        return asdict(self)


def status(data_dir: str | os.PathLike[str] | None = None) -> tuple[DatasetStatus, ...]:
    """Return one row for each data set, sorted by name; reads no file's content.

    The set of a plugin that cannot be used has a row too, which says why.

    Args:
        data_dir: folder searched first; then `HIERVAE_DATA`, then the Keras cache.

    Raises:
        DatasetNotFoundError: if `data_dir` is no folder.
    """
    require_folder(data_dir)
    rows = []
    for entry in entries(GROUP):
        name = entry.qualified_name if entry.conflict or entry.refusal else entry.name
        try:
            rows.append(_row(name, describe(name), data_dir))
        except HiervaeError as error:
            rows.append(_unusable(name, str(error)))
        except Exception as error:  # of a plugin's module, which is to hide no other set
            if is_built_in(entry):
                raise
            rows.append(_unusable(name, f"{entry.origin}: {reason(error)}"))
    return tuple(rows)


def _unusable(name: str, problem: str) -> DatasetStatus:
    return DatasetStatus(name, "", False, None, 0, (), (), 0, "", problem)


def _row(name: str, info: DatasetInfo, data_dir: str | os.PathLike[str] | None) -> DatasetStatus:
    store = FileStore(info, data_dir)
    found: list[Path] = []
    missing: list[str] = []
    for remote in info.files:
        path = store.find(remote.name, *remote.alternatives)
        if path is not None:
            found.append(path)
        elif not remote.optional:
            missing.append(remote.name)
    return DatasetStatus(
        name=name,
        title=info.title,
        present=not missing,
        path=str(found[0].parent) if found else None,
        num_bytes=sum(path.stat().st_size for path in found if path.is_file()),
        missing=tuple(missing),
        event_shape=info.event_shape,
        num_examples=sum(info.sizes.values()),
        licence=info.licence,
    )
