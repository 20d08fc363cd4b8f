"""Examples made ready for drawing, as images or as lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError
from hiervae.utils.arrays import real_array
from hiervae.utils.validation import check_increasing, check_positive_int

FloatArray = NDArray[np.float64]

_TOLERANCE = 0.05
_FEW = 0.02
"""Values of a share of this at most may lie beyond (0, 1) by more than the tolerance."""


def as_frames(name: str, values: ArrayLike, image_shape: Sequence[int] | None = None) -> FloatArray:
    """Bring examples to the shape they are drawn in.

    Args:
        name: how to call the array in errors.
        values: shape (n, *event_shape), n >= 1.
        image_shape: (height, width), or with 1, 3 or 4 channels: draw flat examples as images of
            this shape. (d,) draws them as lines. None takes image-shaped events as images, flat
            ones of a square size as square grey images, and other flat ones as lines.

    Returns:
        Images (n, height, width, 1, 3 or 4), or lines (n, d).

    Raises:
        DataError: if the examples are empty, not finite, or of a shape that cannot be drawn.
        ValueError: if `image_shape` is no shape.
    """
    array = real_array(values, name)
    if array.ndim < 2 or 0 in array.shape:
        raise DataError(
            f"{name} has shape {array.shape}; expected (n, *event_shape) with at least one example."
        )
    if not np.isfinite(array).all():
        raise DataError(f"{name} holds NaN or infinite values; only finite ones can be drawn.")
    shape = _drawn_shape(array.shape[1:]) if image_shape is None else _sizes(image_shape)
    if len(shape) == 2:
        shape = (*shape, 1)
    fits = math.prod(shape) == math.prod(array.shape[1:])
    if not fits or len(shape) not in (1, 3) or (len(shape) == 3 and shape[2] not in (1, 3, 4)):
        raise DataError(
            f"{name} holds examples of shape {array.shape[1:]}, which cannot be drawn in the shape "
            f"{shape}; expected (height, width), (height, width, 1, 3 or 4) or (d,) with as many "
            "values. Give a fitting image_shape."
        )
    return array.reshape(len(array), *shape)


def _sizes(image_shape: Any) -> tuple[int, ...]:
    if isinstance(image_shape, str) or not isinstance(image_shape, (Sequence, np.ndarray)):
        raise ValueError(
            f"image_shape={image_shape!r}: expected (height, width), (height, width, channels) or "
            "(d,), such as (28, 28)."
        )
    return tuple(
        check_positive_int(f"image_shape[{axis}]", size) for axis, size in enumerate(image_shape)
    )


def _drawn_shape(event_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape to draw an event in that nobody gave a shape for."""
    if len(event_shape) > 1:
        return event_shape
    side = math.isqrt(event_shape[0])
    return (side, side) if side > 1 and side * side == event_shape[0] else event_shape


def value_limits(
    frames: FloatArray, value_range: tuple[float, float] | None
) -> tuple[float, float]:
    """The values drawn in black and in white.

    Args:
        frames: what is drawn, or what sets the scale of it.
        value_range: given limits. None takes (0, 1) for values of which few leave it, and not by
            far, as means of a Gaussian do, and the extremes of the frames otherwise.

    Raises:
        ValueError: if the given limits are not two increasing numbers.
    """
    if value_range is not None:
        return check_increasing("value_range", value_range)
    low, high = float(frames.min()), float(frames.max())
    if low >= -0.5 and 0.1 < high <= 1.5:
        beyond = np.mean((frames < -_TOLERANCE) | (frames > 1.0 + _TOLERANCE))
        if beyond <= _FEW:
            return 0.0, 1.0
    return (low, high) if high > low else (low - 0.5, low + 0.5)
