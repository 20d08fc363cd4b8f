"""Reader of the binary matrix format of NORB (named `.mat`, but not MATLAB's)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.readers.bounded import (
    check_end,
    check_size,
    largest_content,
    open_maybe_gzip,
    read_exactly,
    reading,
)
from hiervae.errors import DamagedFileError

_TYPES: dict[int, np.dtype[Any]] = {0x1E3D4C55: np.dtype("u1"), 0x1E3D4C54: np.dtype("<i4")}
_LEAST_DIMENSIONS_STORED = 3


def read_norb(path: Path, item_shape: tuple[int, ...]) -> NDArray[Any]:
    """Read a whole matrix, plain or gzipped.

    Args:
        path: the file.
        item_shape: expected shape of one item.

    Returns:
        Values, shape (n, *item_shape), uint8 or int32 as stored.

    Raises:
        DamagedFileError: if the header promises anything else, or the data is shorter or longer.
    """
    num_items, _ = norb_size(path, item_shape)
    return next(stream_norb(path, item_shape, num_items))


def norb_size(path: Path, item_shape: tuple[int, ...]) -> tuple[int, np.dtype[Any]]:
    """Return the number and type of the items that a matrix promises.

    Raises:
        DamagedFileError: if the header promises anything but items of `item_shape`.
    """
    with reading(path), open_maybe_gzip(path) as stream:
        return _read_header(stream, path, item_shape)


def stream_norb(
    path: Path, item_shape: tuple[int, ...], items_per_chunk: int
) -> Iterator[NDArray[Any]]:
    """Read a matrix piece by piece.

    Args:
        path: the file.
        item_shape: expected shape of one item.
        items_per_chunk: number of items of each piece, the last one possibly smaller.

    Yields:
        Values, shape (items, *item_shape).

    Raises:
        DamagedFileError: as for `read_norb`.
    """
    with reading(path), open_maybe_gzip(path) as stream:
        num_items, dtype = _read_header(stream, path, item_shape)
        item_bytes = math.prod(item_shape) * dtype.itemsize
        for start in range(0, num_items, items_per_chunk):
            count = min(items_per_chunk, num_items - start)
            data = read_exactly(stream, count * item_bytes, path, "the data")
            if start + count == num_items:
                check_end(stream, path)
            yield np.frombuffer(data, dtype).reshape(count, *item_shape)


def _read_header(
    stream: IO[bytes], path: Path, item_shape: tuple[int, ...]
) -> tuple[int, np.dtype[Any]]:
    magic, num_dimensions = struct.unpack("<II", read_exactly(stream, 8, path, "the header"))
    if magic not in _TYPES or num_dimensions != 1 + len(item_shape):
        raise DamagedFileError(
            f"{path} starts with type {magic:#x} and {num_dimensions} dimensions; expected a "
            f"NORB matrix of bytes or integers with {1 + len(item_shape)} dimensions. Fetch "
            "it again."
        )
    num_stored = max(num_dimensions, _LEAST_DIMENSIONS_STORED)
    stored = struct.unpack(
        f"<{num_stored}I", read_exactly(stream, 4 * num_stored, path, "the header")
    )
    shape = stored[:num_dimensions]
    if shape[0] == 0 or shape[1:] != item_shape:
        raise DamagedFileError(
            f"{path} promises the shape {shape}; expected (n, {str(item_shape)[1:]} with at "
            "least one item. Fetch it again."
        )
    dtype = _TYPES[magic]
    check_size(path, "data", math.prod(shape) * dtype.itemsize, largest_content(path))
    return shape[0], dtype
