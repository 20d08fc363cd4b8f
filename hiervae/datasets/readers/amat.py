"""Reader of `.amat`: text, one binary image a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.readers.bounded import check_size, largest_content, open_maybe_gzip, reading
from hiervae.errors import DamagedFileError

_LINES_PER_CHUNK = 5_000
_ZERO, _ONE, _SPACE, _NEWLINE = b"01 \n"


def read_amat(path: Path, num_columns: int) -> NDArray[np.uint8]:
    """Read lines of `num_columns` digits 0 or 1, each followed by one space or the line's end.

    Lines end in a line feed, or in carriage return and line feed. The file may be gzipped.

    Args:
        path: the file.
        num_columns: number of values a line.

    Returns:
        Values 0 and 1, shape (lines, num_columns).

    Raises:
        DamagedFileError: if the file has another layout, other values, or ends within a line.
    """
    width = 2 * num_columns
    chunks: list[NDArray[np.uint8]] = []
    num_rows = num_bytes = 0
    limit = largest_content(path)
    with reading(path), open_maybe_gzip(path) as stream:
        first = stream.read(width + 1)
        if not first:
            raise DamagedFileError(f"{path} is empty. Fetch it again.")
        ending = 2 if first[width - 1 : width + 1] == b"\r\n" else 1
        width += ending - 1
        stream.seek(0)
        while text := stream.read(width * _LINES_PER_CHUNK):
            num_bytes += len(text)
            check_size(path, "text", num_bytes, limit)
            if len(text) % width == width - ending:
                text += b"\r\n"[-ending:]
            chunks.append(_parse(text, num_columns, width, num_rows, path))
            num_rows += len(chunks[-1])
    return np.concatenate(chunks)


def _parse(
    text: bytes, num_columns: int, width: int, first_row: int, path: Path
) -> NDArray[np.uint8]:
    if len(text) % width:
        raise DamagedFileError(
            f"{path} ends within line {first_row + len(text) // width + 1}, or its lines are not "
            f"{num_columns} digits separated by single spaces. Fetch it again."
        )
    lines = np.frombuffer(text, np.uint8).reshape(-1, width)
    digits = lines[:, : 2 * num_columns : 2]
    spaces = lines[:, 1 : 2 * num_columns - 1 : 2]
    good = (digits >= _ZERO) & (digits <= _ONE)
    bad_rows = np.flatnonzero(
        ~good.all(axis=1) | (spaces != _SPACE).any(axis=1) | (lines[:, -1] != _NEWLINE)
    )
    if bad_rows.size:
        raise DamagedFileError(
            f"{path}, line {first_row + int(bad_rows[0]) + 1}: expected {num_columns} values 0 or "
            "1 separated by single spaces. Fetch the file again."
        )
    return digits - np.uint8(_ZERO)
