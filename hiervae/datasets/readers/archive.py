"""Files in folders, tar and zip archives, read in memory; nothing is ever unpacked to disk."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hiervae.datasets.readers.bounded import (
    HeaderStream,
    drain,
    open_maybe_gzip,
    read_exactly,
    reading,
)
from hiervae.errors import DamagedFileError, DataError

MAX_MEMBERS = 2_000_000
MAX_PICTURE_BYTES = 2**26


@dataclass(frozen=True)
class Member:
    """A regular file in an archive or folder.

    Attributes:
        name: its path inside, with forward slashes.
        num_bytes: its size.
        offset: position of its bytes in an uncompressed tar; 0 elsewhere.
    """

    name: str
    num_bytes: int
    offset: int = 0


def check_member_name(path: Path, name: str) -> None:
    """Refuse names that lead out of the archive.

    Raises:
        DamagedFileError: if the name is absolute, or has a drive or `..` in it.
    """
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in name or "\0" in name:
        raise DamagedFileError(
            f"{path} holds a member named {name!r}, which leads out of the archive. Do not trust "
            "this file; fetch it from its published address."
        )


def is_hidden(name: str) -> bool:
    """Return whether a system keeps a file or folder for itself: `._0.png`, `__MACOSX`."""
    return name.startswith((".", "__"))


def list_folder(path: Path) -> list[Member]:
    """List the files of a folder and the folders in it; links are followed.

    Raises:
        DataError: if a linked folder contains itself, or a link leads nowhere.
        DamagedFileError: if there are too many files.
    """
    members: list[Member] = []
    pending: list[tuple[Path, tuple[Path, ...]]] = [(path, (path.resolve(),))]
    while pending:
        folder, above = pending.pop()
        for place in folder.iterdir():
            if is_hidden(place.name):
                continue
            if place.is_dir():
                real = place.resolve()
                if real in above:
                    raise DataError(
                        f"{place} is a link to {real}, a folder it lies in; remove the link."
                    )
                pending.append((place, (*above, real)))
            elif place.is_file():
                name = place.relative_to(path).as_posix()
                members.append(Member(name, place.stat().st_size))
            elif place.is_symlink():
                raise DataError(f"{place} is a link to nothing; mend or remove it.")
        if len(members) > MAX_MEMBERS:
            raise DamagedFileError(f"{path} has more than {MAX_MEMBERS} files.")
    return members


def check_member(path: Path, info: zipfile.ZipInfo) -> None:
    """Refuse members of a zip archive whose decompression could take any amount of memory.

    Raises:
        DamagedFileError: if a member is neither stored nor deflated.
    """
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DamagedFileError(
            f"{path}: {info.filename} is compressed by method {info.compress_type}; expected "
            "stored or deflated members. Pack the archive again."
        )


@contextmanager
def _open_tar(path: Path) -> Iterator[tarfile.TarFile]:
    with (
        reading(path),
        open_maybe_gzip(path) as stream,
        tarfile.open(fileobj=HeaderStream(stream, path), mode="r:") as archive,
    ):
        yield archive


def list_tar(path: Path) -> list[Member]:
    """List the regular files of a tar archive, reading only the headers.

    Raises:
        DamagedFileError: if the archive is damaged or a name leads out of it.
    """
    with _open_tar(path) as archive:
        return [
            Member(info.name, info.size, info.offset_data)
            for info in _checked(archive, path)
            if info.isreg() and not info.issparse()
        ]


def read_tar_member(path: Path, file_name: str, limit: int) -> bytes:
    """Read the first regular file of this name, in whatever folder of the archive.

    Args:
        path: the archive, compressed or not.
        file_name: the member's file name, without folders.
        limit: the most bytes it may have.

    Raises:
        DamagedFileError: if there is no such member, it is too large, or the archive is damaged.
    """
    drain(path)
    with _open_tar(path) as archive:
        for info in _checked(archive, path):
            if PurePosixPath(info.name).name != file_name or not info.isreg() or info.issparse():
                continue
            if info.size > limit:
                raise DamagedFileError(
                    f"{path}: {info.name} has {info.size} bytes; the limit is {limit}."
                )
            stream = archive.extractfile(info)
            if stream is not None:
                return bytes(read_exactly(stream, info.size, path, info.name))
    raise DamagedFileError(f"{path} holds no file named {file_name!r}.")


def list_zip(archive: zipfile.ZipFile, path: Path) -> list[Member]:
    """List the files of a zip archive.

    Raises:
        DamagedFileError: if there are too many or a name leads out of the archive.
    """
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise DamagedFileError(f"{path} has {len(infos)} members; the limit is {MAX_MEMBERS}.")
    for info in infos:
        check_member_name(path, info.filename)
    return [Member(info.filename, info.file_size) for info in infos if not info.is_dir()]


def read_zip_member(archive: zipfile.ZipFile, path: Path, name: str) -> bytes:
    """Read one file of a zip archive, at most `MAX_PICTURE_BYTES`.

    Raises:
        DamagedFileError: if it is missing, too large, encrypted, damaged, or neither stored nor
            deflated.
    """
    info = archive.getinfo(name)
    check_member(path, info)
    if info.file_size > MAX_PICTURE_BYTES:
        raise DamagedFileError(
            f"{path}: {name} has {info.file_size} bytes; the limit is {MAX_PICTURE_BYTES}."
        )
    with reading(path), archive.open(info) as stream:
        return bytes(read_exactly(stream, info.file_size, path, name))


def _checked(archive: tarfile.TarFile, path: Path) -> list[tarfile.TarInfo]:
    infos = []
    for info in archive:
        check_member_name(path, info.name)
        infos.append(info)
        if len(infos) > MAX_MEMBERS:
            raise DamagedFileError(f"{path} has more than {MAX_MEMBERS} members.")
    return infos
