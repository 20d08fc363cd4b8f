"""Angles and centres of points in the plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError
from hiervae.utils.arrays import real_array

FloatArray = NDArray[np.float64]

FULL_TURN = 2.0 * np.pi

_NUM_GROUPS = 24


def wrap(angles: FloatArray) -> FloatArray:
    """Angles brought into [-pi, pi)."""
    return np.mod(angles + np.pi, FULL_TURN) - np.pi


def mean_direction(angles: FloatArray) -> float:
    """Circular mean of angles, in [-pi, pi]."""
    return float(np.angle(np.exp(1j * angles).mean()))


def winding_number(angles: FloatArray, parameter: FloatArray) -> int:
    """How often `angles` go round while the circular `parameter` goes round once.

    The angles are averaged over groups of examples with neighbouring parameters, and the mean
    directions are followed round the circle, each step the short way.

    Args:
        angles: shape (n,).
        parameter: shape (n,).
    """
    order = np.argsort(np.mod(parameter, FULL_TURN), kind="stable")
    groups = np.array_split(order, min(_NUM_GROUPS, len(order)))
    directions = np.array([mean_direction(angles[group]) for group in groups])
    return round(float(wrap(np.diff(directions, append=directions[0])).sum()) / FULL_TURN)


def center_of(points: FloatArray, center: str | ArrayLike) -> FloatArray:
    """The centre that polar coordinates are taken about.

    Args:
        points: shape (n, 2).
        center: "mean", "circle", or a point of shape (2,).

    Returns:
        Shape (2,).

    Raises:
        ValueError: for another name.
        DataError: for a point that is not two finite numbers.
    """
    if isinstance(center, str):
        if center == "mean":
            return np.asarray(points.mean(axis=0))
        if center == "circle":
            return _circle_center(points)
        raise ValueError(f"center={center!r}: expected 'mean', 'circle' or a point (2,).")
    point = real_array(center, "center")
    if point.shape != (2,) or not np.isfinite(point).all():
        raise DataError(f"center is {center!r}; expected two finite numbers.")
    return point


def _circle_center(points: FloatArray) -> FloatArray:
    """Centre of the circle with least squared algebraic distance to the points (Kasa 1976)."""
    origin = points.mean(axis=0)
    offsets = points - origin
    scale = np.abs(offsets).max() or 1.0
    offsets = offsets / scale
    design = np.column_stack([2.0 * offsets, np.ones(len(offsets))])
    solution, _, rank, _ = np.linalg.lstsq(design, np.square(offsets).sum(axis=1))
    # Points on a line, or on one spot, lie on no circle.
    return np.asarray(origin + scale * solution[:2] if rank == 3 else origin)
