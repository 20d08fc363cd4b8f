"""Checks of arrays of latent vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError
from hiervae.utils.arrays import real_array


def finite_matrix(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return `values` as a finite float64 array of shape (n, d) with n, d >= 1.

    Raises:
        DataError: if it is not numeric, not two-dimensional, empty, or not finite.
    """
    matrix = real_array(values, name)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise DataError(
            f"{name} has shape {matrix.shape}; expected (n, d), one latent vector a row."
        )
    with np.errstate(over="ignore"):
        squared_norms = np.square(matrix).sum(axis=1)
    bad = np.flatnonzero(~np.isfinite(squared_norms))
    if bad.size:
        raise DataError(
            f"{name} holds NaN, infinite or overflowing values in {bad.size} of {len(matrix)} "
            f"rows, first in row {bad[0]}; remove them or retrain the model that gave them."
        )
    return matrix
