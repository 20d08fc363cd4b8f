"""The smoothness factor of a decoded path."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError
from hiervae.utils.arrays import real_array


def smoothness(decoded: ArrayLike) -> NDArray[np.float64]:
    """Root mean square of the second-order finite difference along a path.

    Klushyn et al. (2019), section 4.2: for every output dimension,
    sqrt(mean_t (y_{t+1} - 2 y_t + y_{t-1})^2). Smaller is smoother; a straight line walked in
    equal steps gives 0. The steps of a graph path are taken as equal, so the value also depends
    on how dense the graph is: compare models on graphs with equal numbers of nodes and
    neighbours.

    Args:
        decoded: outputs along the path, shape (n, *event_shape) with n >= 3.

    Returns:
        The smoothness factor of each output dimension, shape (*event_shape), in output units.

    Raises:
        DataError: if the path has fewer than three points, or values that are no finite numbers.
    """
    outputs = real_array(decoded, "decoded")
    if outputs.ndim == 0 or len(outputs) < 3:
        raise DataError(
            f"decoded has shape {outputs.shape}; a second-order difference needs at least three "
            "points along the first axis. Take end points that are farther apart, or a graph "
            "with more nodes."
        )
    if not np.isfinite(outputs).all():
        raise DataError("decoded holds NaN or infinite values; check the model that decoded it.")
    second_difference = outputs[2:] - 2.0 * outputs[1:-1] + outputs[:-2]
    return np.asarray(np.sqrt(np.mean(np.square(second_difference), axis=0)))
