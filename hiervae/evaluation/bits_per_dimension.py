"""Log-likelihoods in bits per dimension."""

from __future__ import annotations

import math
from typing import Any

from hiervae.utils.arrays import real_array
from hiervae.utils.batching import Array
from hiervae.utils.validation import check_positive_int


def bits_per_dimension(log_likelihood: Any, num_dimensions: int) -> Array:
    """-log2 p(x) / D, for log-likelihoods in nats.

    Args:
        log_likelihood: log p(x) in nats, or a bound on it; any shape.
        num_dimensions: number D of scalars in one example (`model.num_dimensions`).

    Returns:
        Bits per dimension, float64, of the same shape.

    Raises:
        ValueError: if `num_dimensions` is not a positive integer.
        DataError: if `log_likelihood` holds anything but numbers.

    Example:
        >>> bits_per_dimension([-543.4, -1086.9], num_dimensions=784).round(2)
        array([1., 2.])
    """
    dimensions = check_positive_int("num_dimensions", num_dimensions)
    return -real_array(log_likelihood, "log_likelihood") / (dimensions * math.log(2.0))
