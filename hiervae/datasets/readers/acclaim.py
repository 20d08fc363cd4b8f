"""Readers of Acclaim's `.asf` (skeletons) and `.amc` (recordings of joint angles)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.readers.bounded import read_text
from hiervae.datasets.readers.skeleton import Bone, Layout, Skeleton, rotation_about
from hiervae.errors import DamagedFileError

_MAX_ASF_BYTES = 2**22
_MAX_AMC_BYTES = 2**28
_MAX_BONES = 1_000
_CHANNELS = ("tx", "ty", "tz", "rx", "ry", "rz")

Fields = dict[str, list[str]]


def read_asf(path: Path) -> Skeleton:
    """Read a skeleton, with angles in degrees.

    Raises:
        DamagedFileError: if a section is missing or damaged, or the hierarchy is not one tree.
    """
    sections = _sections(read_text(path, _MAX_ASF_BYTES))
    try:
        return _build(sections, path)
    except (KeyError, ValueError, IndexError) as error:
        raise DamagedFileError(f"{path} is no usable skeleton file: {error}.") from error


def _sections(text: str) -> dict[str, list[list[str]]]:
    """Return the lines of each section, split into words; comments and brackets dropped."""
    sections: dict[str, list[list[str]]] = {}
    lines: list[list[str]] = []
    for line in text.replace("(", " ").replace(")", " ").split("\n"):
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            lines = sections.setdefault(words[0][1:].lower(), [])
        else:
            lines.append(words)
    return sections


def _build(sections: dict[str, list[list[str]]], path: Path) -> Skeleton:
    units = {words[0]: words[1:] for words in sections["units"]}
    if units["angle"] != ["deg"]:
        raise ValueError(f"angles are in {' '.join(units['angle'])}, expected deg")
    root = {words[0].lower(): words[1:] for words in sections["root"]}
    described = {"root": _root_fields(root)}
    for fields in _blocks(sections["bonedata"]):
        described[fields["name"][0]] = fields
    if len(described) > _MAX_BONES:
        raise ValueError(f"it has more than {_MAX_BONES} bones")
    parents = _parents(sections["hierarchy"])
    order = ["root"]
    for name in order:
        order.extend(child for child, parent in parents.items() if parent == name)
    if len(order) != len(described) or set(order) != set(described):
        raise ValueError("the hierarchy does not join every bone to the root exactly once")
    numbers = {name: number for number, name in enumerate(order)}
    bones = tuple(
        _bone(name, numbers.get(parents.get(name, ""), -1), described[name]) for name in order
    )
    unit = _numbers(units["length"], 1)[0]
    if unit <= 0.0:
        raise ValueError(f"the unit of length is {unit}")
    return Skeleton(bones, _numbers(root["position"], 3), float(unit))


def _root_fields(root: Fields) -> Fields:
    return {
        "direction": ["0", "0", "0"],
        "length": ["0"],
        "axis": [*root["orientation"], *root["axis"]],
        "dof": root["order"],
    }


def _blocks(lines: list[list[str]]) -> list[Fields]:
    blocks: list[Fields] = []
    for words in lines:
        if words[0] == "begin":
            blocks.append({})
        elif words[0] != "end" and blocks:
            blocks[-1].setdefault(words[0].lower(), words[1:])
    return blocks


def _parents(lines: list[list[str]]) -> dict[str, str]:
    parents: dict[str, str] = {}
    for parent, *children in lines:
        for child in children:
            if child in parents or child == "root":
                raise ValueError(f"the bone {child!r} has two parents")
            parents[child] = parent
    return parents


def _bone(name: str, parent: int, fields: Fields) -> Bone:
    direction = _numbers(fields["direction"], 3)
    norm = float(np.linalg.norm(direction))
    if parent >= 0 and not math.isclose(norm, 1.0, rel_tol=0.05):
        raise ValueError(f"the direction of {name!r} has length {norm:.3g}, expected 1")
    angles, axis_order = _numbers(fields["axis"][:3], 3), fields["axis"][3].upper()
    if sorted(axis_order) != ["X", "Y", "Z"]:
        raise ValueError(f"the axis order of {name!r} is {axis_order!r}")
    axes = np.eye(3)
    for letter, angle in zip(axis_order, angles, strict=True):
        axes = rotation_about("XYZ".index(letter), np.array([angle]))[0] @ axes
    channels = tuple(channel.lower() for channel in fields.get("dof", []))
    if not set(channels) <= set(_CHANNELS):
        raise ValueError(f"{name!r} has the channels {', '.join(channels)}")
    return Bone(name, parent, direction, float(_numbers(fields["length"], 1)[0]), axes, channels)


def _numbers(words: list[str], count: int) -> NDArray[np.float64]:
    numbers = np.array([float(word) for word in words], dtype=np.float64)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise ValueError(f"expected {count} finite numbers, found {' '.join(words)!r}")
    return numbers


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
    """Read a recording; every frame must have the layout of the first.

    Lines may end in a line feed alone or with a carriage return. Lines starting with `#` or `:`
    are header; a line of one integer opens a frame, then each line is a bone and its values.

    Raises:
        DamagedFileError: if a frame is incomplete, out of order, or a value is no finite number.
    """
    lines = [line for line in read_text(path, _MAX_AMC_BYTES).split("\n") if line.strip()]
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
