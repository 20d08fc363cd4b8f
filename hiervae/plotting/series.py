"""Checks of number series that are drawn over training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError
from hiervae.utils.arrays import real_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOG_RATIO = 30.0


def as_numbers(name: str, values: ArrayLike, length: int | None = None) -> NDArray[np.float64]:
    """Return `values` as numbers of shape (length,), length >= 1.

    Raises:
        DataError: if they are something else.
    """
    series = real_array(values, name)
    expected = "one or more numbers" if length is None else f"{length} numbers"
    if series.ndim != 1 or not len(series) or length not in (None, len(series)):
        raise DataError(f"{name} has shape {series.shape}; expected {expected}.")
    return series


def as_series(name: str, values: ArrayLike, length: int | None = None) -> NDArray[np.float64]:
    """Return `values` as finite numbers of shape (length,), length >= 1.

    Raises:
        DataError: if they are something else.
    """
    series = as_numbers(name, values, length)
    if not np.isfinite(series).all():
        raise DataError(f"{name} holds NaN or infinite values; only finite ones can be drawn.")
    return series


def scale_for(axes: Axes, values: NDArray[np.float64]) -> None:
    """Use a logarithmic y axis where positive values span orders of magnitude."""
    if values.min() > 0 and values.max() / values.min() > _LOG_RATIO:
        axes.set_yscale("log")
