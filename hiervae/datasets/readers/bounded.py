"""Bounded reading: never more bytes than a format promises, and one kind of error."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from hiervae.errors import DamagedFileError, DataError, HiervaeError

MAX_BYTES = 16 * 2**30
"""The largest array that any reader allocates, in bytes."""

_MAX_DEFLATE_RATIO = 1032
_FREE_BYTES = 2**28
_MAX_LARGE_RATIO = 250
_MAX_READ = 2**23
_CHUNK = 2**22
_SIGNS_OF_DAMAGE = (
    gzip.BadGzipFile,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    tokenize.TokenError,
    struct.error,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    RuntimeError,
)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the many errors of damaged files into `DamagedFileError` with the file's name.

    Raises:
        DamagedFileError: if the content cannot be read as its format.
        DataError: if the operating system does not let the file be read.
    """
    try:
        yield
    except HiervaeError:
        raise
    except EOFError as error:
        raise DamagedFileError(f"{path} is truncated: {error}. Fetch it again.") from error
    except _SIGNS_OF_DAMAGE as error:
        raise DamagedFileError(f"{path} is damaged: {error}. Fetch it again.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def open_maybe_gzip(path: Path) -> IO[bytes]:
    """Open a file for reading, decompressing it if it starts as gzip does."""
    stream = path.open("rb")
    is_gzip = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    if not is_gzip:
        return stream
    stream.close()
    return cast(BinaryIO, gzip.open(path, "rb"))


def inflated_limit(num_bytes: int) -> int:
    """Return the most bytes that compressed ones may become.

    DEFLATE cannot expand by more than 1032. Beyond a quarter of a GiB no more than 250 is allowed:
    examples do not compress so well (statically binarised MNIST does by 36), files that are made
    to fill the memory do.
    """
    large = max(num_bytes * _MAX_LARGE_RATIO, _FREE_BYTES)
    return min(num_bytes * _MAX_DEFLATE_RATIO, large, MAX_BYTES)


def largest_content(path: Path) -> int:
    """Return the most bytes a possibly gzipped file may hold, judged by its size on disk."""
    with path.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    size = path.stat().st_size
    return inflated_limit(size) if is_gzip else size


def check_size(path: Path, what: str, num_bytes: int, available: int) -> None:
    """Refuse a promise that is too large to read or more than the file can hold.

    Args:
        path: the file, for the message.
        what: what is promised, for the message.
        num_bytes: number of bytes promised by a header.
        available: number of bytes the file can hold at most.

    Raises:
        DamagedFileError: if the promise cannot be true or exceeds `MAX_BYTES`.
    """
    if num_bytes > available:
        raise DamagedFileError(
            f"{path} promises {num_bytes} bytes of {what}, but may hold at most {available}: it is "
            "truncated, damaged or made to fill the memory. Fetch it again; if it is right, store "
            "it uncompressed."
        )
    if num_bytes > MAX_BYTES:
        raise DamagedFileError(
            f"{path} promises {num_bytes} bytes of {what}; the limit is {MAX_BYTES}."
        )


def read_exactly(stream: IO[bytes], num_bytes: int, path: Path, what: str) -> bytearray:
    """Read exactly `num_bytes`, allocating only as data arrives.

    Raises:
        DamagedFileError: if the stream ends before.
    """
    data = bytearray()
    while len(data) < num_bytes:
        chunk = stream.read(min(_CHUNK, num_bytes - len(data)))
        if not chunk:
            raise DamagedFileError(
                f"{path} is truncated: {what} should have {num_bytes} bytes, found {len(data)}. "
                "Fetch it again."
            )
        data += chunk
    return data


class HeaderStream(io.BufferedIOBase):
    """A stream for libraries that read in one piece as much as a header promises."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        """Wrap `stream`, which reads `path`."""
        self._stream = stream
        self._path = path

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most `size` bytes.

        Raises:
            DamagedFileError: if they are more than any honest header asks for.
        """
        if size is None or not 0 <= size <= _MAX_READ:
            raise DamagedFileError(
                f"{self._path} has a header that asks for {size} bytes; the limit is {_MAX_READ}. "
                "Fetch it again."
            )
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position; see `io.IOBase.seek`."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()


def check_end(stream: IO[bytes], path: Path) -> None:
    """Refuse bytes after the end; reaching it also verifies a gzip checksum.

    Raises:
        DamagedFileError: if there is more.
    """
    if stream.read(1):
        raise DamagedFileError(f"{path} holds more bytes than its header promises. Fetch it again.")


def drain(path: Path) -> None:
    """Read a possibly gzipped file to its end, which verifies the gzip checksum.

    Raises:
        DamagedFileError: if it is truncated, damaged, or holds more than `largest_content`.
    """
    limit, num_bytes = largest_content(path), 0
    with reading(path), open_maybe_gzip(path) as stream:
        while piece := stream.read(_CHUNK):
            num_bytes += len(piece)
            check_size(path, "content", num_bytes, limit)


def read_limited(path: Path, limit: int) -> bytes:
    """Read a whole file of at most `limit` bytes.

    Raises:
        DamagedFileError: if it is larger.
    """
    with reading(path):
        size = path.stat().st_size
        if size > limit:
            raise DamagedFileError(f"{path} has {size} bytes; the limit is {limit}.")
        return path.read_bytes()


def read_text(path: Path, limit: int) -> str:
    """Read a text file of at most `limit` bytes; lines may end in any way.

    Raises:
        DamagedFileError: if it is larger or no text.
    """
    try:
        return read_limited(path, limit).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DamagedFileError(f"{path} is no text: {error}.") from error
