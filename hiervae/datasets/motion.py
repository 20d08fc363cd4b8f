"""Motion capture: the channels of CMU's recordings, and animated pictures of a skeleton.

A frame of CMU's has 62 channels. The six of the root (position and orientation of the whole body)
are left out, and the six that are constant in every recording (both of each clavicle, and the
fingers of each hand), because the recordings do not measure them. Fifty joint angles in degrees
remain, the size of a frame in Chen et al. (2015) and Klushyn et al. (2019); that they used these
fifty is our reading of the number, neither published a list.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.datasets.files import written_beside
from hiervae.datasets.readers.acclaim import Motion, read_amc, read_asf
from hiervae.datasets.readers.skeleton import Bone, Layout, Skeleton
from hiervae.datasets.scaling import ChannelNormalisation
from hiervae.errors import DataError

__all__ = [
    "CMU_LAYOUT",
    "Bone",
    "ChannelNormalisation",
    "Motion",
    "Skeleton",
    "expand_joint_angles",
    "joint_angle_names",
    "read_amc",
    "read_asf",
    "save_animation",
    "select_joint_angles",
]

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
    """Return the name of each of the fifty joint angles: bone, and channel from 0."""
    names = [f"{bone}.{number}" for bone, count in CMU_LAYOUT for number in range(count)]
    return tuple(name for name, kept in zip(names, _KEPT, strict=True) if kept)


def select_joint_angles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the fifty joint angles of all channels.

    Args:
        values: shape (n, 62).

    Returns:
        Degrees, shape (n, 50).
    """
    return values[:, _KEPT]


def expand_joint_angles(angles: ArrayLike, root: ArrayLike | None = None) -> NDArray[np.float64]:
    """Put fifty joint angles back among all 62 channels, for drawing a skeleton.

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


_OVERSAMPLING = 2
_MARGIN = 0.08
_COLOURS = {"l": (31, 119, 180), "r": (214, 39, 40)}
_MIDDLE = (60, 60, 60)


def save_animation(
    skeleton: Skeleton,
    positions: NDArray[np.float64],
    path: str | os.PathLike[str],
    *,
    frame_rate: float = 30.0,
    size: int = 320,
    azimuth: float = 45.0,
    follow: bool = True,
) -> Path:
    """Write a skeleton in motion as an animated GIF that repeats for ever.

    The left side is blue, the right side red. The view is orthographic, y up, at one scale for all
    frames.

    Args:
        skeleton: the bones.
        positions: joints of each frame as `Skeleton.positions` gives them, (frames, bones, 3).
        path: the file to write.
        frame_rate: frames a second; GIF rounds the time of a frame to hundredths of a second.
        size: height and width in pixels.
        azimuth: direction of the view in degrees around the vertical axis.
        follow: keep the root in the middle; otherwise the figure moves through the picture.

    Returns:
        The path written.

    Raises:
        DataError: if positions and skeleton do not fit, an option is out of range, Pillow is not
            installed, or the file cannot be written.
    """
    if positions.ndim != 3 or positions.shape[1:] != (len(skeleton.bones), 3) or not len(positions):
        raise DataError(
            f"The positions have shape {positions.shape}; expected (frames, "
            f"{len(skeleton.bones)}, 3) with at least one frame."
        )
    if not 0.0 < frame_rate <= 100.0 or not 16 <= size <= 4096:
        raise DataError(
            f"frame_rate={frame_rate} and size={size}; expected above 0 to 100, and 16 to 4096."
        )
    pixels = _project(positions, size * _OVERSAMPLING, azimuth, follow)
    frames = [_draw(skeleton, joints, size) for joints in pixels]
    target = Path(path)
    with written_beside(target) as stream:
        frames[0].save(
            stream,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            duration=max(round(100.0 / frame_rate), 1) * 10,
            loop=0,
        )
    return target


def _project(
    positions: NDArray[np.float64], size: int, azimuth: float, follow: bool
) -> NDArray[np.float64]:
    """Return the pixel coordinates (right, down) of each joint, shape (frames, bones, 2)."""
    moved = positions.copy()
    if follow:
        moved[:, :, [0, 2]] -= positions[:, :1, [0, 2]]
    angle = np.deg2rad(azimuth)
    right = moved[..., 0] * np.cos(angle) - moved[..., 2] * np.sin(angle)
    plane = np.stack([right, -moved[..., 1]], axis=-1)
    low, high = plane.min(axis=(0, 1)), plane.max(axis=(0, 1))
    extent = max(float((high - low).max()), 1e-9)
    scaled: NDArray[np.float64] = (plane - (low + high) / 2.0) / extent
    return (scaled * (1.0 - 2.0 * _MARGIN) + 0.5) * size


def _draw(skeleton: Skeleton, joints: NDArray[np.float64], size: int) -> Any:
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise DataError(
            'Drawing animations needs Pillow: pip install "hiervae[monitoring]".'
        ) from error
    large = size * _OVERSAMPLING
    image = Image.new("RGB", (large, large), "white")
    pen = ImageDraw.Draw(image)
    for start, end in skeleton.links:
        colour = _COLOURS.get(_side(skeleton.bones[end].name), _MIDDLE)
        line = [tuple(joints[start]), tuple(joints[end])]
        pen.line(line, fill=colour, width=max(large // 120, 1))
    return image.resize((size, size), Image.Resampling.BOX)


def _side(name: str) -> str:
    return "" if name.startswith("lower") else name[0]
