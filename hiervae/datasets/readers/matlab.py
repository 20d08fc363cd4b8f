"""Reader of numeric arrays in MATLAB 5 files."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.readers.bounded import MAX_BYTES, inflated_limit, read_exactly, reading
from hiervae.errors import DamagedFileError, DataError

MATRIX, COMPRESSED = 14, 15
_INT8, _INT32, _UINT32 = 1, 5, 6
_STORAGE = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_NUMERIC_CLASSES = range(6, 16)
_COMPLEX = 0x0800
_MAX_VARIABLES = 100
_MAX_DIMENSIONS = 8
_HEAD_BYTES = 1024
_FILE_HEADER_BYTES = 128
_CHUNK = 2**20
_MAX_PADDING = 7

ShapePattern = tuple[int | None, ...]
"""An expected shape; None stands for any length of at least 1."""


@dataclass(frozen=True)
class MatlabVariable:
    """One variable of a MATLAB 5 file.

    Attributes:
        name: its name.
        shape: its shape; values are stored column-major.
        dtype: type in which the values are stored (MATLAB stores doubles as bytes where they
            fit), or None if it is no real numeric array.
        offset: position in the file of the element's content.
        num_bytes: length of the element's content in the file.
        compressed: whether that content is a zlib stream.
        data_offset: position of the first value in the (decompressed) content.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic] | None
    offset: int
    num_bytes: int
    compressed: bool
    data_offset: int


def scan_matlab(path: Path) -> dict[str, MatlabVariable]:
    """List the variables of a MATLAB 5 file.

    Every promise that a reader would follow (number of variables and dimensions, sizes of
    elements, the agreement of shape and data) is checked against the size of the file.

    Raises:
        DamagedFileError: if the file is of another format, truncated, or contradicts itself.
    """
    variables: dict[str, MatlabVariable] = {}
    size = path.stat().st_size
    with reading(path), path.open("rb") as stream:
        order = _byte_order(stream, path)
        position = _FILE_HEADER_BYTES
        while position < size:
            kind, num_bytes = struct.unpack(order + "II", read_exactly(stream, 8, path, "a tag"))
            if kind not in (MATRIX, COMPRESSED) or num_bytes > size - position - 8:
                raise DamagedFileError(
                    f"{path} has at byte {position} an element of type {kind} and {num_bytes} "
                    f"bytes, {size - position - 8} remain: it is truncated or damaged. Fetch it "
                    "again."
                )
            head = stream.read(min(num_bytes, _HEAD_BYTES))
            variable = _read_variable(
                head, position + 8, num_bytes, kind == COMPRESSED, order, path
            )
            if variable.name in variables or len(variables) == _MAX_VARIABLES:
                raise DamagedFileError(
                    f"{path} holds {variable.name!r} twice or more than {_MAX_VARIABLES} variables."
                )
            variables[variable.name] = variable
            position += 8 + num_bytes
            stream.seek(position)
    return variables


def _byte_order(stream: IO[bytes], path: Path) -> str:
    header = stream.read(_FILE_HEADER_BYTES)
    if header.startswith(b"MATLAB 7.3"):
        raise DamagedFileError(
            f"{path} is a MATLAB 7.3 (HDF5) file; expected MATLAB 5. Save it with `-v7`."
        )
    order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
    if order is None or struct.unpack(order + "H", header[124:126]) != (0x0100,):
        raise DamagedFileError(f"{path} is not a MATLAB 5 file. Fetch it again.")
    return order


def _read_variable(
    head: bytes, offset: int, num_bytes: int, compressed: bool, order: str, path: Path
) -> MatlabVariable:
    available = num_bytes
    start = 0
    if compressed:
        available = inflated_limit(num_bytes)
        head = zlib.decompressobj().decompress(head, _HEAD_BYTES)
        kind, content_bytes = struct.unpack(order + "II", head[:8])
        if kind != MATRIX or content_bytes > available:
            raise DamagedFileError(
                f"{path} has at byte {offset} a compressed element of type {kind} and "
                f"{content_bytes} bytes; it is damaged. Fetch it again."
            )
        available, start = content_bytes, 8
    parts = _Parts(head, start, order, path)
    flags = parts.read(_UINT32, "array flags")
    dimensions = parts.read(_INT32, "dimensions")
    name = parts.read(_INT8, "name").decode("latin-1")
    (flag_word,) = struct.unpack(order + "I", flags[:4])
    count = len(dimensions) // 4
    shape = struct.unpack(f"{order}{count}i", dimensions)
    if not 2 <= count <= _MAX_DIMENSIONS or any(length < 0 for length in shape):
        raise DamagedFileError(f"{path}: the variable {name!r} has the impossible shape {shape}.")
    dtype: np.dtype[np.generic] | None = None
    if flag_word & 0xFF in _NUMERIC_CLASSES and not flag_word & _COMPLEX:
        dtype = _check_values(parts, name, shape, start + available, order, path)
    return MatlabVariable(name, shape, dtype, offset, num_bytes, compressed, parts.position)


def _check_values(
    parts: _Parts, name: str, shape: tuple[int, ...], end: int, order: str, path: Path
) -> np.dtype[np.generic]:
    kind, num_bytes = parts.read_tag()
    if kind not in _STORAGE:
        raise DamagedFileError(f"{path}: the variable {name!r} is stored as unknown type {kind}.")
    dtype = np.dtype(order + _STORAGE[kind])
    if num_bytes != math.prod(shape) * dtype.itemsize or parts.position + num_bytes > end:
        raise DamagedFileError(
            f"{path}: the variable {name!r} promises the shape {shape} of {dtype}, but "
            f"{num_bytes} bytes of data in an element that ends {end - parts.position} bytes "
            "later. Fetch the file again."
        )
    return dtype


class _Parts:
    """Walks through the parts of a matrix element; small ones are packed into their tag."""

    def __init__(self, head: bytes, position: int, order: str, path: Path) -> None:
        self.position = position
        self._head = head
        self._order = order
        self._path = path

    def read_tag(self) -> tuple[int, int]:
        """Return the type and length of the next part; the position moves to its content."""
        tag = self._head[self.position : self.position + 8]
        if len(tag) < 8:
            raise DamagedFileError(f"{self._path}: the head of a variable is truncated.")
        kind, num_bytes = struct.unpack(self._order + "II", tag)
        packed = kind >> 16
        self.position += 4 if packed else 8
        return (kind & 0xFFFF, packed) if packed else (kind, num_bytes)

    def read(self, expected: int, what: str) -> bytes:
        """Return the content of the next part, which must be of type `expected`."""
        before = self.position
        kind, num_bytes = self.read_tag()
        packed = self.position - before == 4
        content = self._head[self.position : self.position + num_bytes]
        if kind != expected or len(content) < num_bytes or (packed and num_bytes > 4):
            raise DamagedFileError(
                f"{self._path}: the {what} of a variable are of type {kind} and {num_bytes} bytes; "
                "the file is damaged. Fetch it again."
            )
        self.position += 4 if packed else -(-num_bytes // 8) * 8
        return content


def read_matlab(path: Path, expected: Mapping[str, ShapePattern]) -> dict[str, NDArray[Any]]:
    """Read variables after checking what the file promises.

    `scipy.io.loadmat` is not used: SciPy 1.17 ends the whole process with a segmentation fault on
    a file whose values carry the type number 0 (one byte changed), which `scipy.io.whosmat` lists
    without complaint.

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
    """Check that a file promises the expected variables, and nothing too large.

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
    """Yield the values of a variable in the file's (column-major) order, piece by piece.

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
    """Return the pieces of the element's content; reaching the end verifies a zlib checksum."""
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
    """Turn rows of column-major pixels into upright images.

    Args:
        rows: shape (n, height * width), each row an image stored column by column.
        height: rows of an image.
        width: columns of an image.

    Returns:
        Images, shape (n, height, width).
    """
    return np.ascontiguousarray(rows.reshape(-1, width, height).transpose(0, 2, 1))
