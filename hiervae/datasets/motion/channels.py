"""The channels of CMU's recordings, and the fifty joint angles that models learn.

A frame has 62 channels. The six of the root (position and orientation of the whole body) are left
out, and the six that are constant in every recording (both of each clavicle, and the fingers of
each hand), because the recordings do not measure them. Fifty joint angles in degrees remain, the
size of a frame in Chen et al. (2015) and Klushyn et al. (2019); that they used these fifty is our
reading of the number, neither published a list.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.datasets.motion.amc import Layout
from hiervae.errors import DataError

_ARM: Layout = (
    ("clavicle", 2),
    ("humerus", 3),
    ("radius", 1),
    ("wrist", 1),
    ("hand", 2),
    ("fingers", 1),
    ("thumb", 2),
)
_LEG = (("femur", 3), ("tibia", 1), ("foot", 2), ("toes", 1))
_SPINE = ("lowerback", "upperback", "thorax", "lowerneck", "upperneck", "head")

CMU_LAYOUT: Layout = (
    ("root", 6),
    *((bone, 3) for bone in _SPINE),
    *((side + bone, count) for limb in (_ARM, _LEG) for side in "rl" for bone, count in limb),
)
"""Bones of CMU's `.amc` files with their numbers of channels, 62 in all."""

_CONSTANTS = {"rclavicle": 0.0, "lclavicle": 0.0, "rfingers": 7.12502, "lfingers": 7.12502}
_BONES = tuple(bone for bone, count in CMU_LAYOUT for _ in range(count))
_KEPT = np.array([bone != "root" and bone not in _CONSTANTS for bone in _BONES])


def joint_angle_names() -> tuple[str, ...]:
    """Name of each of the fifty joint angles: the bone, and the number of its channel from 0."""
    names = [f"{bone}.{number}" for bone, count in CMU_LAYOUT for number in range(count)]
    return tuple(name for name, kept in zip(names, _KEPT, strict=True) if kept)


def select_joint_angles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Takes the fifty joint angles of all channels.

    Args:
        values: shape (n, 62).

    Returns:
        Degrees, shape (n, 50).
    """
    return values[:, _KEPT]


def expand_joint_angles(angles: ArrayLike, root: ArrayLike | None = None) -> NDArray[np.float64]:
    """Puts fifty joint angles back among all 62 channels, for drawing a skeleton.

    Args:
        angles: degrees, shape (n, 50).
        root: position and orientation of the root, shape (n, 6) or (6,); None is zero.

    Returns:
        Shape (n, 62), in the order of `CMU_LAYOUT`, constant channels at their constant.

    Raises:
        DataError: if the shape is another.
    """
    given = np.asarray(angles, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] != _KEPT.sum():
        raise DataError(f"Joint angles have shape {given.shape}; expected (n, {_KEPT.sum()}).")
    values = np.zeros((len(given), len(_BONES)))
    values += [_CONSTANTS.get(bone, 0.0) for bone in _BONES]
    values[:, _KEPT] = given
    if root is not None:
        values[:, :6] = root
    return values
