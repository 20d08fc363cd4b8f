"""Pictures in a folder or an archive."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.files import contents_checksum, listing_checksum
from hiervae.datasets.readers.archive import (
    MAX_PICTURE_BYTES,
    Member,
    is_hidden,
    list_folder,
    list_tar,
    list_zip,
    read_zip_member,
)
from hiervae.datasets.readers.bounded import reading
from hiervae.datasets.readers.pictures import SUFFIXES, PictureFormat, decode_picture
from hiervae.datasets.sources.image_source import ImageSource
from hiervae.datasets.sources.requests import row_numbers
from hiervae.errors import DamagedFileError, DataError


class EncodedPictures(ImageSource):
    """PNG, JPEG and similar pictures in a folder, a zip or an uncompressed tar archive.

    Links in a folder are followed. Hidden files and folders, whose names begin with a dot or with
    two underscores (`._0.png`, `.thumbnails/`, `__MACOSX/`), are no pictures of the user's.
    """

    def __init__(self, path: Path, form: PictureFormat) -> None:
        """List the pictures, sorted by name; none is decoded yet.

        Args:
            path: the folder or archive.
            form: the form into which pictures are brought; with a height and width.

        Raises:
            DamagedFileError: if the archive is damaged, compressed as a whole, or holds no picture.
        """
        self._path = path.absolute()  # the working folder may be another when pictures are read
        self._form = form
        self._kind = "folder" if path.is_dir() else "zip" if path.suffix == ".zip" else "tar"
        members = [member for member in _list(path, self._kind) if _is_picture(member.name)]
        self._members = sorted(members, key=lambda member: member.name)
        if not self._members:
            raise DataError(f"{path} holds no pictures ({', '.join(SUFFIXES)}).")

    @property
    def names(self) -> tuple[str, ...]:
        """Path of each picture inside, in the order of their numbers."""
        return tuple(member.name for member in self._members)

    @property
    def checksum(self) -> str:
        """Checksum over names and sizes; the pictures are not read for it."""
        return listing_checksum((member.name, member.num_bytes) for member in self._members)

    def content_checksum(self) -> str:
        """Read every picture, without decoding it, and return a checksum over names and bytes.

        Ten thousand small pictures take a second or two, a sixth of what decoding them takes.

        Returns:
            `"sha256:..."` over the lines that `sha256sum` prints for the files, sorted by name.

        Raises:
            DamagedFileError: if the archive is damaged, or a picture too large.
            DataError: if a file cannot be read.
        """
        contents = self._contents(range(len(self._members)))
        return contents_checksum(zip(self.names, contents, strict=True))

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, then the shape of one."""
        channels = (3,) if self._form.colour else ()
        return (len(self._members), self._form.height, self._form.width, *channels)

    def read(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Read images by number, bytes of shape (len(indices), *shape of one)."""
        rows = row_numbers(indices, len(self._members))
        images = np.empty((len(rows), *self.shape[1:]), np.uint8)
        for place, data in enumerate(self._contents(rows)):
            where = f"{self._path}: {self._members[rows[place]].name}"
            images[place] = decode_picture(data, where, self._form)
        return images

    def _contents(self, rows: Iterable[int]) -> Iterator[bytes]:
        """Read pictures by number, encoded as they are stored."""
        with reading(self._path):
            if self._kind == "zip":
                with zipfile.ZipFile(self._path) as archive:
                    for row in rows:
                        yield read_zip_member(archive, self._path, self._members[row].name)
            else:
                for row in rows:
                    yield self._read_plain(self._members[row])

    def _read_plain(self, member: Member) -> bytes:
        if member.num_bytes > MAX_PICTURE_BYTES:
            raise DamagedFileError(
                f"{self._path}: {member.name} has {member.num_bytes} bytes; the limit for a "
                f"picture is {MAX_PICTURE_BYTES}."
            )
        path = self._path / member.name if self._kind == "folder" else self._path
        with path.open("rb") as stream:
            stream.seek(member.offset)
            return stream.read(member.num_bytes)


def _is_picture(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return name.lower().endswith(SUFFIXES) and not any(map(is_hidden, parts))


def _list(path: Path, kind: str) -> list[Member]:
    with reading(path):
        if kind == "folder":
            return list_folder(path)
        if kind == "zip":
            with zipfile.ZipFile(path) as archive:
                return list_zip(archive, path)
    return list_tar(path)
