"""Reader of idx, the format of MNIST."""

from __future__ import annotations

import math
import struct
from pathlib import Path

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

_UNSIGNED_BYTES = 0x08


def read_idx(path: Path, item_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes, plain or gzipped.

    Args:
        path: the file.
        item_shape: expected shape of one item: `(28, 28)` for images, `()` for labels.

    Returns:
        Values, shape (n, *item_shape).

    Raises:
        DamagedFileError: if the header promises anything else, or the data is shorter or longer
            than promised.
    """
    with reading(path), open_maybe_gzip(path) as stream:
        magic = read_exactly(stream, 4, path, "the header")
        expected = bytes((0, 0, _UNSIGNED_BYTES, 1 + len(item_shape)))
        if magic != expected:
            raise DamagedFileError(
                f"{path} starts with {magic.hex()}; an idx file of unsigned bytes with "
                f"{1 + len(item_shape)} dimensions starts with {expected.hex()}. Fetch it again."
            )
        header = read_exactly(stream, 4 * (1 + len(item_shape)), path, "the header")
        shape = struct.unpack(f">{1 + len(item_shape)}I", header)
        if shape[0] == 0 or shape[1:] != item_shape:
            raise DamagedFileError(
                f"{path} promises the shape {shape}; expected (n, {str(item_shape)[1:]} with at "
                "least one item. Fetch it again."
            )
        num_bytes = math.prod(shape)
        check_size(path, "data", num_bytes, largest_content(path))
        data = read_exactly(stream, num_bytes, path, "the data")
        check_end(stream, path)
    return np.frombuffer(data, np.uint8).reshape(shape)
