"""Reader of `.amc`, Acclaim's motion files: joint angles of every frame as text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.readers.bounded import read_text
from hiervae.errors import DamagedFileError

Layout: TypeAlias = tuple[tuple[str, int], ...]
"""Names of bones with the number of channels of each, in the order of the file."""

_MAX_BYTES = 2**28
_MAX_BONES = 1_000


@dataclass(frozen=True, eq=False)
class Motion:
    """A recording.

    Attributes:
        layout: bones with their numbers of channels, in the file's order.
        values: all channels of each frame, float64 of shape (frames, channels): for CMU's files
            the root's position, then angles in degrees.
    """

    layout: Layout
    values: NDArray[np.float64]


def read_amc(path: Path) -> Motion:
    """Reads a recording; every frame must have the layout of the first.

    Lines may end in a line feed alone or with a carriage return. Lines starting with `#` or `:`
    are header; a line of one integer opens a frame, then each line is a bone and its values.

    Raises:
        DamagedFileError: if a frame is incomplete, out of order, or a value is no finite number.
    """
    lines = [line for line in read_text(path, _MAX_BYTES).split("\n") if line.strip()]
    lines = [line for line in lines if not line.lstrip().startswith(("#", ":"))]
    layout = _first_layout(lines, path)
    num_lines, tokens = 1 + len(layout), " ".join(lines).split()
    frame_length = 1 + sum(1 + count for _, count in layout)
    num_frames, rest = divmod(len(tokens), frame_length)
    if rest or len(lines) != num_frames * num_lines:
        raise DamagedFileError(
            f"{path} ends within a frame, or its frames differ in length: {len(lines)} lines after "
            f"the header, {num_lines} in the first frame. Fetch it again."
        )
    table = np.array(tokens, dtype=object).reshape(num_frames, frame_length)
    starts = np.cumsum([1, *(1 + count for _, count in layout)])[:-1]
    names = np.array([name for name, _ in layout], dtype=object)
    numbers = np.arange(1, num_frames + 1).astype(str).astype(object)
    good = (table[:, starts] == names).all(axis=1) & (table[:, 0] == numbers)
    if not good.all():
        raise DamagedFileError(
            f"{path}: frame {int(np.argmin(good)) + 1} has another number or other bones than "
            "expected. Fetch the file again."
        )
    try:
        values = np.delete(table, [0, *starts], axis=1).astype(np.float64)
    except ValueError as error:
        raise DamagedFileError(f"{path}: {error}. Fetch it again.") from error
    if not np.isfinite(values).all():
        raise DamagedFileError(f"{path} has values that are not finite. Fetch it again.")
    return Motion(layout, values)


def _first_layout(lines: list[str], path: Path) -> Layout:
    layout: list[tuple[str, int]] = []
    for line in lines[1 : _MAX_BONES + 1]:
        name, *values = line.split()
        if not values:
            break
        layout.append((name, len(values)))
    names = [name for name, _ in layout]
    if not layout or lines[0].split() != ["1"] or len(set(names)) != len(names):
        raise DamagedFileError(
            f"{path} is no motion file: expected a line `1`, then lines `bone value...` with each "
            "bone once."
        )
    return tuple(layout)
