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
from hiervae.datasets.files import content_checksum, file_checksum, written_beside
from hiervae.datasets.readers.bounded import reading
from hiervae.errors import DamagedFileError, DataError, DatasetNotFoundError

DATA_VARIABLE = "HIERVAE_DATA"


def cache_directory() -> Path:
    """Return our folder in the Keras cache: `KERAS_HOME` or `~/.keras`, then `datasets`."""
    home = os.environ.get("KERAS_HOME")
    base = Path(home) if home else Path.home() / ".keras"
    return base / "datasets" / "hiervae"


def search_roots(data_dir: str | os.PathLike[str] | None = None) -> tuple[Path, ...]:
    """Return the folders to search, in order: `data_dir`, `HIERVAE_DATA`, the Keras cache."""
    given = [data_dir, os.environ.get(DATA_VARIABLE)]
    roots = [Path(root).expanduser() for root in given if root]
    return (*roots, cache_directory(), cache_directory().parent)


def require_folder(data_dir: str | os.PathLike[str] | None) -> None:
    """Refuse a folder of data files that was named and is none.

    Raises:
        DatasetNotFoundError: if `data_dir` is given and no folder.
    """
    if data_dir and not Path(data_dir).expanduser().is_dir():
        raise DatasetNotFoundError(
            f"data_dir (--data-dir) is {os.fspath(data_dir)!r}, where there is no folder; expected "
            f"one to look for data files in first. Correct it, leave it out to look in "
            f"{DATA_VARIABLE} and the Keras cache alone, or have it made by download=True "
            "(hiervae train --download)."
        )


class FileStore:
    """Finds, and on request downloads, the files of one data set.

    In each root both `root/<folder>/<file>` and `root/<file>` are tried; the folder comes first
    because several data sets share file names. All names of a file are tried in one place before
    the next, the published name first.
    """

    def __init__(
        self,
        info: DatasetInfo,
        data_dir: str | os.PathLike[str] | None = None,
        download: bool = False,
        *,
        verify: bool = True,
        owner: Callable[[str], str | None] = lambda sha256: None,
    ) -> None:
        """Remember where to look.

        Args:
            info: the catalogue entry with the files' names, addresses and checksums.
            data_dir: the folder to search first, and to download into.
            download: fetch a missing file from its published address.
            verify: refuse a file whose checksum is known and differs.
            owner: name of the data set that publishes the file of a SHA-256, or None; for the
                message, because several data sets use the same file names.

        Raises:
            DatasetNotFoundError: if `data_dir` is no folder, and nothing may be downloaded into it.
        """
        if not download:
            require_folder(data_dir)
        self.info = info
        self.roots = search_roots(data_dir)
        self._download = download
        self._verify = verify
        self._owner = owner
        self._checksums: dict[str, str] = {}

    @property
    def checksums(self) -> Mapping[str, str]:
        """SHA-256 of every file handed out so far, by name."""
        return MappingProxyType(self._checksums)

    def find(self, name: str, *alternatives: str) -> Path | None:
        """Return the first existing file or folder of this name, or of another one, or None."""
        for root in self.roots:
            for folder in (*self._folders, ""):
                for candidate in (name, *alternatives):
                    path = root / folder / candidate
                    if path.exists():
                        return path
        return None

    def locate(self, file: str | RemoteFile) -> Path:
        """Find a published file or folder, downloading it if allowed.

        The checksum of a file is recorded, and compared with the published one.

        Args:
            file: the name of one of `info.files`, or a file that is not listed there.

        Raises:
            DatasetNotFoundError: if it is nowhere, with address, checksum, terms and place.
            DamagedFileError: if its checksum is known and differs.
            DataError: if it cannot be read, is the file of another data set, or is named, but not
                in `info.files`.
        """
        remote = self._remote(file) if isinstance(file, str) else file
        path = self.find(remote.name, *remote.alternatives)
        if path is None:
            if not (self._download and remote.urls):
                raise DatasetNotFoundError(self._missing(remote))
            path = download_file(remote, self.roots[0] / self.info.name / remote.name)
        if path.is_file():
            with reading(path):
                self._checksums[path.name] = file_checksum(path)
                if self._verify:
                    self._compare(path, remote)
        return path

    def require(self, file: str | RemoteFile) -> Path:
        """Find a published file as `locate` does, for what has to be a file.

        Raises:
            DatasetNotFoundError: if it is nowhere.
            DamagedFileError: if its checksum is known and differs.
            DataError: if it is a folder or cannot be read.
        """
        path = self.locate(file)
        if not path.is_file():
            raise DataError(f"{path} cannot be read: it is a folder; expected a file.")
        return path

    def _compare(self, path: Path, remote: RemoteFile) -> None:
        """Refuse another file than the published one; a gzipped copy is judged by its content.

        Raises:
            DamagedFileError: if the checksum is known and differs.
            DataError: if the file is another data set's.
        """
        algorithm = "md5" if remote.md5 and not remote.sha256 else "sha256"
        expected = remote.sha256 or remote.md5
        if expected is None or path.name not in (remote.name, f"{remote.name}.gz"):
            return
        received = self._checksums[path.name]
        if path.name != remote.name or algorithm != "sha256":
            received = content_checksum(path, algorithm, decompress=path.name != remote.name)
        if received == expected:
            return
        owner = self._owner(received)
        if owner not in (None, self.info.name):
            raise DataError(
                f"The file {path} found for {self.info.name!r} is the one of {owner!r}: put the "
                "files of each data set into a folder of its name."
            )
        again = "delete it and pass download=True (--download) to fetch" if remote.urls else "fetch"
        size = f"{remote.num_bytes} bytes, " if remote.num_bytes else ""
        raise DamagedFileError(
            f"{path} ({path.stat().st_size} bytes) is not the published file: expected {size}"
            f"{algorithm} {expected}, received {algorithm} {received}. Either {again} it again "
            f"from {' or '.join(remote.urls) or self.info.source}, or, if you mean to use this "
            "file, pass verify=False (--dataset-option verify=false)."
        )

    @property
    def _folders(self) -> tuple[str, ...]:
        return (self.info.name, *self.info.folders)

    def _remote(self, name: str) -> RemoteFile:
        for remote in self.info.files:
            if remote.name == name:
                return remote
        names = ", ".join(file.name for file in self.info.files)
        raise DataError(
            f"The loader of the data set {self.info.name!r} asks for the file {name!r}; expected "
            f"one that its INFO.files names: {names or 'there are none'}. Name it there, or give a "
            "hiervae.datasets.RemoteFile."
        )

    def _missing(self, remote: RemoteFile) -> str:
        folder = self.roots[0] / self.info.name
        place = folder if remote.name == self.info.name else folder / remote.name
        names = " or ".join(map(repr, (remote.name, *remote.alternatives)))
        searched = ", ".join(str(root) for root in self.roots)
        if not self._download and remote.urls:
            advice = " Or pass download=True (--download)."
        elif self._download:
            advice = " It cannot be downloaded automatically."
        else:
            advice = ""
        return (
            f"{self.info.name!r} needs {names}, not found in {searched}. Get it "
            f"from {' or '.join(remote.urls) or self.info.source} ({remote.checksum}; terms: "
            f"{self.info.licence}) and put it at {place}, or point {DATA_VARIABLE} or data_dir "
            f"(--data-dir) to its folder.{advice}"
        )


def derived_file(
    store: FileStore, sources: Sequence[Path], suffix: str, write: Callable[[IO[bytes]], None]
) -> Path:
    """Return the file made from `sources`, made now if it does not exist.

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
