"""Where the files of one data set are, what is made of them, what to say where they are missing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO

from hiervae.datasets.dataset import DatasetInfo, RemoteFile
from hiervae.datasets.download import download_file
from hiervae.datasets.files import file_checksum, written_beside
from hiervae.datasets.readers.bounded import reading
from hiervae.errors import DatasetNotFoundError

DATA_VARIABLE = "HIERVAE_DATA"


def cache_directory() -> Path:
    """The package's folder in the Keras cache: `KERAS_HOME` or `~/.keras`, then `datasets`."""
    home = os.environ.get("KERAS_HOME")
    base = Path(home) if home else Path.home() / ".keras"
    return base / "datasets" / "hiervae"


def search_roots(data_dir: str | os.PathLike[str] | None = None) -> tuple[Path, ...]:
    """Folders searched for data, in order: `data_dir`, `HIERVAE_DATA`, the Keras cache."""
    given = [data_dir, os.environ.get(DATA_VARIABLE)]
    roots = [Path(root).expanduser() for root in given if root]
    return (*roots, cache_directory(), cache_directory().parent)


class FileStore:
    """Finds, and on request downloads, the files of one data set.

    In each root both `root/<folder>/<file>` and `root/<file>` are tried; the folder comes first
    because several data sets share file names.
    """

    def __init__(
        self,
        info: DatasetInfo,
        data_dir: str | os.PathLike[str] | None = None,
        download: bool = False,
    ) -> None:
        """Remembers where to look.

        Args:
            info: the catalogue entry with the files' names, addresses and checksums.
            data_dir: the folder to search first, and to download into.
            download: fetch a missing file from its published address.
        """
        self.info = info
        self.roots = search_roots(data_dir)
        self._download = download
        self._checksums: dict[str, str] = {}

    @property
    def checksums(self) -> Mapping[str, str]:
        """SHA-256 of every file handed out by `require` so far, by name."""
        return MappingProxyType(self._checksums)

    def find(self, name: str) -> Path | None:
        """The first existing file or folder of this name, or None."""
        for root in self.roots:
            for folder in (*self._folders, ""):
                path = root / folder / name
                if path.exists():
                    return path
        return None

    def locate(self, file: str | RemoteFile) -> Path:
        """Finds a published file without reading it, downloading it if allowed.

        Args:
            file: the name of one of `info.files`, or a file that is not listed there.

        Raises:
            DatasetNotFoundError: if it is nowhere, with address, checksum, terms and place.
        """
        remote = self._remote(file) if isinstance(file, str) else file
        for candidate in (remote.name, *remote.alternatives):
            path = self.find(candidate)
            if path is not None:
                return path
        if self._download and remote.urls:
            return download_file(remote, self.roots[0] / self.info.name / remote.name)
        raise DatasetNotFoundError(self._missing(remote))

    def require(self, file: str | RemoteFile) -> Path:
        """Like `locate`, and records the file's checksum.

        Raises:
            DatasetNotFoundError: if the file is nowhere.
            DataError: if it cannot be read.
        """
        path = self.locate(file)
        with reading(path):
            self._checksums[path.name] = file_checksum(path)
        return path

    @property
    def _folders(self) -> tuple[str, ...]:
        return (self.info.name, *self.info.folders)

    def _remote(self, name: str) -> RemoteFile:
        return next(remote for remote in self.info.files if remote.name == name)

    def _missing(self, remote: RemoteFile) -> str:
        folder = self.roots[0] / self.info.name
        place = folder if remote.name == self.info.name else folder / remote.name
        names = " or ".join(map(repr, (remote.name, *remote.alternatives)))
        searched = ", ".join(str(root) for root in self.roots)
        if not self._download and remote.urls:
            advice = " Or pass download=True."
        elif self._download:
            advice = " It cannot be downloaded automatically."
        else:
            advice = ""
        return (
            f"{self.info.name!r} needs {names}, not found in {searched}. Get it "
            f"from {' or '.join(remote.urls) or self.info.source} ({remote.checksum}; terms: "
            f"{self.info.licence}) and put it at {place}, or point {DATA_VARIABLE} or data_dir to "
            f"its folder.{advice}"
        )


def derived_file(
    store: FileStore, sources: Sequence[Path], suffix: str, write: Callable[[IO[bytes]], None]
) -> Path:
    """The file made from `sources`, made now if it does not exist.

    It lies in the package's folder of the Keras cache, under a name that depends on the sources'
    sizes and times, so a changed source is never read through an old copy. It is written beside
    its place and renamed when complete.

    Args:
        store: names the data set.
        sources: the files it is made from.
        suffix: end of its name.
        write: writes the content to the stream it is given.

    Raises:
        DataError: if the cache folder cannot be written.
    """
    digest = hashlib.sha256()
    for source in sources:
        facts = source.stat()
        digest.update(f"{source.resolve()} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    folder = cache_directory() / store.info.name
    target = folder / f"{sources[0].name.split('.')[0]}-{digest.hexdigest()[:16]}{suffix}"
    if target.exists():
        return target
    with written_beside(target) as stream:
        write(stream)
    return target
