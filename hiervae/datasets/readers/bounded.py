"""Bounded reading: never more bytes than a format promises, and one kind of error."""

from __future__ import annotations

import gzip
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

MAX_DEFLATE_RATIO = 1032
"""DEFLATE cannot expand by more than this, so a larger promise is false."""

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
    """Turns the many errors of damaged files into `DamagedFileError` with the file's name.

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
    """Opens a file for reading, decompressing it if it starts as gzip does."""
    stream = path.open("rb")
    is_gzip = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    if not is_gzip:
        return stream
    stream.close()
    return cast(BinaryIO, gzip.open(path, "rb"))


def largest_content(path: Path) -> int:
    """The most bytes a possibly gzipped file can hold, judged by its size on disk."""
    with path.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    size = path.stat().st_size
    return size * MAX_DEFLATE_RATIO if is_gzip else size


def check_size(path: Path, what: str, num_bytes: int, available: int) -> None:
    """Refuses a promise that is too large to read or more than the file can hold.

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
            f"{path} promises {num_bytes} bytes of {what}, but holds at most {available}: it is "
            "truncated or its header is damaged. Fetch it again."
        )
    if num_bytes > MAX_BYTES:
        raise DamagedFileError(
            f"{path} promises {num_bytes} bytes of {what}; the limit is {MAX_BYTES}."
        )


def read_exactly(stream: IO[bytes], num_bytes: int, path: Path, what: str) -> bytearray:
    """Reads exactly `num_bytes`, allocating only as data arrives.

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


def check_end(stream: IO[bytes], path: Path) -> None:
    """Refuses bytes after the end; reaching it also verifies a gzip checksum.

    Raises:
        DamagedFileError: if there is more.
    """
    if stream.read(1):
        raise DamagedFileError(f"{path} holds more bytes than its header promises. Fetch it again.")


def drain(path: Path) -> None:
    """Reads a possibly gzipped file to its end, which verifies the gzip checksum.

    Raises:
        DamagedFileError: if it is truncated or damaged.
    """
    with reading(path), open_maybe_gzip(path) as stream:
        while stream.read(_CHUNK):
            continue


def read_limited(path: Path, limit: int) -> bytes:
    """Reads a whole file of at most `limit` bytes.

    Raises:
        DamagedFileError: if it is larger.
    """
    with reading(path):
        size = path.stat().st_size
        if size > limit:
            raise DamagedFileError(f"{path} has {size} bytes; the limit is {limit}.")
        return path.read_bytes()


def read_text(path: Path, limit: int) -> str:
    """Reads a text file of at most `limit` bytes; lines may end in any way.

    Raises:
        DamagedFileError: if it is larger or no text.
    """
    try:
        return read_limited(path, limit).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DamagedFileError(f"{path} is no text: {error}.") from error
