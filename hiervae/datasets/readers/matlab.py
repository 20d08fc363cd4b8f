"""Reader of numeric arrays in MATLAB 5 files."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.readers.bounded import MAX_BYTES, reading
from hiervae.datasets.readers.matlab_header import MatlabVariable, scan_matlab
from hiervae.errors import DamagedFileError, DataError

_CHUNK = 2**20
_MAX_PADDING = 7

ShapePattern = tuple[int | None, ...]
"""An expected shape; None stands for any length of at least 1."""


def read_matlab(path: Path, expected: Mapping[str, ShapePattern]) -> dict[str, NDArray[Any]]:
    """Reads variables after checking what the file promises.

    `scipy.io.loadmat` is not used for it: it decides by itself which format a file has, so that a
    damaged file can make it follow promises that were checked as another format.

    Args:
        path: the file.
        expected: name and shape of each variable to read.

    Returns:
        The variables by name, in the type in which they are stored (MATLAB stores doubles as
        bytes where they fit).

    Raises:
        DamagedFileError: if a variable is missing, of another shape or type, or damaged.
    """
    return {name: _read(path, variable) for name, variable in check_matlab(path, expected).items()}


def _read(path: Path, variable: MatlabVariable) -> NDArray[Any]:
    data = bytearray()
    for piece in stream_matlab(path, variable):
        data += piece
    return np.frombuffer(data, variable.dtype).reshape(variable.shape, order="F")


def check_matlab(path: Path, expected: Mapping[str, ShapePattern]) -> dict[str, MatlabVariable]:
    """Checks that a file promises the expected variables, and nothing too large.

    Returns:
        The expected variables by name.

    Raises:
        DamagedFileError: as for `read_matlab`.
    """
    variables = scan_matlab(path)
    for name, pattern in expected.items():
        if name not in variables:
            raise DamagedFileError(
                f"{path} has no variable {name!r}; it has {', '.join(variables) or 'none'}. "
                "Is it another file under this name?"
            )
        variable = variables[name]
        if variable.dtype is None or not _fits(variable.shape, pattern):
            kind = "no real numbers" if variable.dtype is None else f"{variable.dtype}"
            raise DamagedFileError(
                f"{path}: the variable {name!r} has shape {variable.shape} and {kind}; expected "
                f"numbers of shape {str(pattern).replace('None', 'n')}."
            )
        if variable.dtype.itemsize * math.prod(variable.shape) > MAX_BYTES:
            raise DamagedFileError(f"{path}: the variable {name!r} is larger than {MAX_BYTES}.")
    return {name: variables[name] for name in expected}


def stream_matlab(path: Path, variable: MatlabVariable) -> Iterator[bytes]:
    """Yields the values of a variable in the file's (column-major) order, piece by piece.

    Args:
        path: the file.
        variable: one of `scan_matlab(path)` with a `dtype`.

    Raises:
        DamagedFileError: if the data ends too early.
        DataError: if the variable is not numeric.
    """
    if variable.dtype is None:
        raise DataError(f"{path}: the variable {variable.name!r} is not numeric.")
    start = variable.data_offset
    end = start + math.prod(variable.shape) * variable.dtype.itemsize
    position = 0
    with reading(path):
        for piece in _content(path, variable):
            data = piece[max(start - position, 0) : max(end - position, 0)]
            position += len(piece)
            if data:
                yield data
            if position > end + _MAX_PADDING:
                raise DamagedFileError(
                    f"{path}: the variable {variable.name!r} has more data than its shape "
                    f"{variable.shape}. Fetch the file again."
                )
    if position < end:
        raise DamagedFileError(
            f"{path} is truncated: {end - position} bytes of the variable {variable.name!r} are "
            "missing. Fetch it again."
        )


def _content(path: Path, variable: MatlabVariable) -> Iterator[bytes]:
    """Pieces of the element's content; reaching the end verifies a zlib checksum."""
    inflater = zlib.decompressobj()
    remaining = variable.num_bytes
    with path.open("rb") as stream:
        stream.seek(variable.offset)
        while remaining and (piece := stream.read(min(_CHUNK, remaining))):
            remaining -= len(piece)
            if not variable.compressed:
                yield piece
                continue
            while piece:
                yield inflater.decompress(piece, 16 * _CHUNK)
                piece = inflater.unconsumed_tail
    if variable.compressed and not inflater.eof:
        raise DamagedFileError(f"{path} is truncated within {variable.name!r}. Fetch it again.")


def _fits(shape: tuple[int, ...], pattern: ShapePattern) -> bool:
    return len(shape) == len(pattern) and all(
        length == wanted if wanted is not None else length > 0
        for length, wanted in zip(shape, pattern, strict=True)
    )


def upright(rows: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Turns rows of column-major pixels into upright images.

    Args:
        rows: shape (n, height * width), each row an image stored column by column.
        height: rows of an image.
        width: columns of an image.

    Returns:
        Images, shape (n, height, width).
    """
    return np.ascontiguousarray(rows.reshape(-1, width, height).transpose(0, 2, 1))
