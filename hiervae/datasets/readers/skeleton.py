"""A skeleton of bones, and where its joints are for given joint angles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError

Layout: TypeAlias = tuple[tuple[str, int], ...]
"""Names of bones with the number of channels of each, in the order of the file."""

_METRES_PER_INCH = 0.0254
_TRANSLATIONS = ("tx", "ty", "tz")
_ROTATIONS = ("rx", "ry", "rz")


@dataclass(frozen=True, eq=False)
class Bone:
    """A bone, or the root (of length 0).

    Attributes:
        name: its name.
        parent: number of the bone it is attached to; -1 for the root.
        direction: unit vector of the bone in the rest pose, in world axes.
        length: its length, in the file's unit.
        axes: rotation from the bone's own axes to the world's, shape (3, 3).
        channels: meaning of its channels in order: `tx`, `ty`, `tz` and `rx`, `ry`, `rz`.
    """

    name: str
    parent: int
    direction: NDArray[np.float64]
    length: float
    axes: NDArray[np.float64]
    channels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Bones ordered so that each comes after its parent; the first is the root.

    Attributes:
        bones: the bones.
        root_position: position of the root when its translation is 0.
        unit: the file's unit of length is an inch divided by this number (0.45 for CMU).
    """

    bones: tuple[Bone, ...]
    root_position: NDArray[np.float64]
    unit: float

    @property
    def links(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joint numbers that a bone joins, to be drawn as lines."""
        return tuple((bone.parent, i) for i, bone in enumerate(self.bones) if bone.parent >= 0)

    @property
    def metres_per_unit(self) -> float:
        """Factor from the unit of `positions` to metres."""
        return _METRES_PER_INCH / self.unit

    def positions(self, values: ArrayLike, layout: Layout) -> NDArray[np.float64]:
        """Return the joints' positions by forward kinematics.

        The rotation of a bone is R = R_parent A M A^T with A its rest axes and M the product of
        its channels' rotations, the first channel innermost; its end is at the parent's end plus
        length * R direction.

        Args:
            values: channels of each frame as in a `Motion`, angles in degrees, shape (n, channels)
                or (channels,).
            layout: bones with their numbers of channels, in the order of `values`.

        Returns:
            End of each bone (the root: its position) in the order of `bones`, shape
            (n, bones, 3) or (bones, 3); y points up in CMU's recordings.

        Raises:
            DataError: if values, layout and skeleton do not fit together.
        """
        frames = np.asarray(values, dtype=np.float64)
        table = np.atleast_2d(frames)
        columns = self._columns(layout, table.shape[-1])
        joints = np.zeros((len(table), len(self.bones), 3))
        rotations: list[NDArray[Any]] = []
        for number, bone in enumerate(self.bones):
            channels = table[:, columns[bone.name]] if bone.name in columns else table[:, :0]
            local = bone.axes @ _rotation(bone.channels, channels) @ bone.axes.T
            if bone.parent < 0:
                rotations.append(local)
                joints[:, number] = self.root_position + _translation(bone.channels, channels)
            else:
                rotations.append(rotations[bone.parent] @ local)
                step = rotations[-1] @ (bone.length * bone.direction)
                joints[:, number] = joints[:, bone.parent] + step
        return joints if frames.ndim > 1 else joints[0]

    def _columns(self, layout: Layout, num_columns: int) -> dict[str, slice]:
        counts = {bone.name: len(bone.channels) for bone in self.bones}
        stops = np.cumsum([count for _, count in layout])
        if not len(stops) or stops[-1] != num_columns:
            raise DataError(
                f"The layout has {sum(count for _, count in layout)} channels; the values have "
                f"{num_columns}."
            )
        for name, count in layout:
            if counts.get(name) != count:
                raise DataError(
                    f"The recording has {count} channels for the bone {name!r}; this skeleton has "
                    f"{counts.get(name, 'no such bone')}. Use the skeleton of the same subject."
                )
        return {
            name: slice(stop - count, stop)
            for (name, count), stop in zip(layout, stops.tolist(), strict=True)
        }


def rotation_about(axis: int, degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation matrices about a coordinate axis.

    Args:
        axis: 0, 1 or 2.
        degrees: angles, shape (n,).

    Returns:
        Shape (n, 3, 3).
    """
    first, second = (axis + 1) % 3, (axis + 2) % 3
    angles = np.deg2rad(degrees)
    matrices = np.zeros((len(angles), 3, 3))
    matrices[:, axis, axis] = 1.0
    matrices[:, first, first] = matrices[:, second, second] = np.cos(angles)
    matrices[:, second, first] = np.sin(angles)
    matrices[:, first, second] = -np.sin(angles)
    return matrices


def _rotation(names: tuple[str, ...], channels: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.broadcast_to(np.eye(3), (len(channels), 3, 3))
    for column in range(channels.shape[1]):
        if names[column] in _ROTATIONS:
            total = rotation_about(_ROTATIONS.index(names[column]), channels[:, column]) @ total
    return total


def _translation(names: tuple[str, ...], channels: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.zeros((len(channels), 3))
    for column in range(channels.shape[1]):
        if names[column] in _TRANSLATIONS:
            total[:, _TRANSLATIONS.index(names[column])] = channels[:, column]
    return total
