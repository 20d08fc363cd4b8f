"""Reader of NumPy's `.npy` and `.npz`, without pickles and without unbounded allocation."""

from __future__ import annotations

import math
import tokenize
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.readers.archive import check_member
from hiervae.datasets.readers.bounded import (
    HeaderStream,
    check_end,
    check_size,
    inflated_limit,
    read_exactly,
    reading,
)
from hiervae.errors import DamagedFileError

_MAX_DIMENSIONS = 8
_MAX_ARRAYS = 1_000


def read_npy(path: Path) -> NDArray[Any]:
    """Read a `.npy` file of numbers or booleans.

    Raises:
        DamagedFileError: if the file is truncated, damaged, or holds anything but numbers.
    """
    with reading(path), path.open("rb") as stream:
        return _read_array(stream, path, path.name, path.stat().st_size)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of an `.npz` file.

    Returns:
        Arrays by name, in the file's order.

    Raises:
        DamagedFileError: if the file is truncated, damaged, or holds anything but numbers.
    """
    arrays: dict[str, NDArray[Any]] = {}
    with reading(path), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > _MAX_ARRAYS:
            raise DamagedFileError(
                f"{path} has {len(members)} members; an .npz of examples has at most {_MAX_ARRAYS}."
            )
        for member in members:
            if not member.filename.endswith(".npy"):
                raise DamagedFileError(
                    f"{path} holds {member.filename!r}, which is no array; write the file with "
                    "numpy.savez."
                )
            check_member(path, member)
            available = min(member.file_size, inflated_limit(member.compress_size + 64))
            name = member.filename.removesuffix(".npy")
            with archive.open(member) as stream:
                arrays[name] = _read_array(stream, path, name, available)
    return arrays


def _read_array(stream: IO[bytes], path: Path, name: str, available: int) -> NDArray[Any]:
    shape, fortran_order, dtype = _read_header(stream, path, name)
    if dtype.hasobject or dtype.kind not in "biuf":
        raise DamagedFileError(
            f"{path}, array {name!r}: expected numbers or booleans, found {dtype}. Objects are "
            "never unpickled; save a plain numeric array."
        )
    if len(shape) > _MAX_DIMENSIONS or any(length < 0 for length in shape):
        raise DamagedFileError(f"{path}, array {name!r}: the shape {shape} is not possible.")
    num_bytes = math.prod(shape) * dtype.itemsize
    check_size(path, f"array {name!r}", num_bytes, available)
    data = read_exactly(stream, num_bytes, path, f"array {name!r}")
    check_end(stream, path)
    flat = np.frombuffer(data, dtype=dtype)
    return flat.reshape(shape[::-1]).transpose() if fortran_order else flat.reshape(shape)


def _read_header(
    stream: IO[bytes], path: Path, name: str
) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    header = HeaderStream(stream, path)
    try:
        version = np.lib.format.read_magic(header)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(header)
        if version == (2, 0):
            return np.lib.format.read_array_header_2_0(header)
    except DamagedFileError:
        raise
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError) as error:
        raise DamagedFileError(
            f"{path}, array {name!r}: the NumPy header is damaged ({error}). Save it again."
        ) from error
    raise DamagedFileError(
        f"{path}, array {name!r}: NumPy format {version} is for structured arrays; save a plain "
        "numeric array."
    )
