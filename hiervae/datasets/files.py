"""Checksums of files and arrays, and files that appear under their name only when complete."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hiervae.errors import DataError
from hiervae.utils.files import replacing

_CHUNK = 2**20


def file_checksum(path: Path, algorithm: str = "sha256") -> str:
    """Return the hexadecimal digest of a file's bytes, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def content_checksum(path: Path, algorithm: str, decompress: bool) -> str:
    """Return the hexadecimal digest of a file's bytes, or of what is gzipped in it.

    Raises:
        EOFError: if a gzipped file is truncated.
        OSError: if it cannot be read or is damaged.
    """
    with gzip.open(path) if decompress else path.open("rb") as stream:
        digest = hashlib.new(algorithm)
        while piece := stream.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def combined_checksum(checksums: Mapping[str, str]) -> str:
    """Return one checksum for a set of files: of the text that `sha256sum` prints for them.

    Args:
        checksums: SHA-256 of each file by name; the order does not matter.

    Returns:
        `"sha256:..."`.
    """
    text = "".join(f"{checksums[name]}  {name}\n" for name in sorted(checksums))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def arrays_checksum(arrays: Iterable[NDArray[Any]]) -> str:
    """Return a checksum over types, shapes and values of arrays, for data without a file."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return "sha256:" + digest.hexdigest()


def contents_checksum(entries: Iterable[tuple[str, bytes]]) -> str:
    """Return what `combined_checksum` does for files of these names and contents.

    Args:
        entries: name and bytes of each file, sorted by name; read one after another.
    """
    digest = hashlib.sha256()
    for name, content in entries:
        digest.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
    return "sha256:" + digest.hexdigest()


def listing_checksum(entries: Iterable[tuple[str, int]]) -> str:
    """Return a checksum over names and sizes, for collections too large to be read whole."""
    digest = hashlib.sha256()
    for name, size in entries:
        digest.update(f"{size} {name}\n".encode())
    return "listing-sha256:" + digest.hexdigest()


@contextmanager
def written_beside(target: Path) -> Iterator[IO[bytes]]:
    """Open a new file beside `target` for writing and rename it when the block ends well.

    Args:
        target: the file to make or replace; its folder is made.

    Yields:
        The stream to write to.

    Raises:
        DataError: if the file cannot be written; nothing is left behind.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary, temporary.open("xb") as stream:
            yield stream
    except OSError as error:
        raise _failure(target, error) from error


def _failure(target: Path, error: OSError) -> Exception:
    return DataError(
        f"{target} cannot be written: {error.strerror or error}. Choose a folder that is writable "
        "and has enough space (data_dir, HIERVAE_DATA or KERAS_HOME)."
    )
