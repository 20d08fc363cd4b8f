"""Diagonal normals of NumPy arrays, in double precision."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hiervae.distributions import DiagonalNormal

FloatArray = NDArray[np.float64]

_LOG_TWO_PI = math.log(2.0 * math.pi)


def as_vectors(values: FloatArray) -> FloatArray:
    """Return values (n, *event) as (n, d)."""
    return values.reshape(len(values), -1)


def parameters(normal: DiagonalNormal) -> tuple[FloatArray, FloatArray]:
    """Mean and log-variance as float64 NumPy arrays, each (n, *event)."""
    return _as_float64(normal.mean), _as_float64(normal.log_variance)


def log_density_per_unit(value: Any, normal: DiagonalNormal) -> FloatArray:
    """Log-density of each unit of `value` (n, *event) in nats, shape (n, *event)."""
    mean, log_variance = parameters(normal)
    squared = np.square(np.asarray(value, dtype=np.float64) - mean) * np.exp(-log_variance)
    return np.asarray(-0.5 * (squared + log_variance + _LOG_TWO_PI))


def log_density(value: Any, normal: DiagonalNormal) -> FloatArray:
    """Log-density of `value` (n, *event) in nats, summed over units: shape (n,)."""
    return np.asarray(as_vectors(log_density_per_unit(value, normal)).sum(axis=-1))


def entropy(normal: DiagonalNormal) -> FloatArray:
    """Differential entropy in nats, summed over units: shape (n,)."""
    _, log_variance = parameters(normal)
    return np.asarray(0.5 * as_vectors(log_variance + _LOG_TWO_PI + 1.0).sum(axis=-1))


def kl_per_unit(posterior: DiagonalNormal, prior: DiagonalNormal) -> FloatArray:
    """KL(posterior || prior) of each unit in nats, (n, *event); the prior's rows may be one."""
    mean_q, log_variance_q = parameters(posterior)
    mean_p, log_variance_p = parameters(prior)
    difference = log_variance_q - log_variance_p
    squared = np.square(mean_q - mean_p) * np.exp(-log_variance_p)
    return np.asarray(0.5 * (np.expm1(difference) - difference + squared))


def log_mixture_density(
    value: FloatArray, mean: FloatArray, log_variance: FloatArray
) -> FloatArray:
    """Log-density under the equally weighted mixture of N diagonal normals, in nats.

    Args:
        value: shape (n, d).
        mean: shape (N, d).
        log_variance: shape (N, d).

    Returns:
        Shape (n,).
    """
    # The squares are expanded into matrix products, so that (n, N, d) is never formed.
    center = mean.mean(axis=0)
    value, mean = value - center, mean - center
    precision = np.exp(-log_variance)
    constant = (np.square(mean) * precision + log_variance + _LOG_TWO_PI).sum(axis=-1)
    products = np.square(value) @ precision.T - 2.0 * value @ (mean * precision).T
    exponents = -0.5 * (products + constant)
    return np.asarray(np.logaddexp.reduce(exponents, axis=1) - math.log(len(mean)))


def _as_float64(value: Any) -> FloatArray:
    # Keras would bring float64 arrays to the backend's float32.
    array = value if isinstance(value, np.ndarray) else keras.ops.convert_to_numpy(value)
    return np.asarray(array, dtype=np.float64)
