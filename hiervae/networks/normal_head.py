"""The layer that turns features into a diagonal normal distribution."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.distributions.diagonal_normal import as_float32
from hiervae.types import Tensor

DEFAULT_LOG_VARIANCE_BOUNDS = (-10.0, 5.0)

# Between stochastic levels a head of Glorot's scale starts with log-variances of several units, and
# an untrained model of two levels with a KL of thousands of nats. A tenth starts near N(0, I).
NEAR_STANDARD_NORMAL = 0.1


class NormalHead(keras.layers.Layer):
    """An affine map from features (n, k) to the mean and bounded log-variance of z (n, dim).

    Args:
        dim: size of the latent vector.
        log_variance_bounds: lowest and highest log-variance; values outside are clipped.
        initial_scale: factor on Glorot's initial weights; small values start near N(0, I).

    Raises:
        ValueError: if the bounds are not two increasing finite numbers.
    """

    def __init__(
        self,
        dim: int,
        log_variance_bounds: tuple[float, float] = DEFAULT_LOG_VARIANCE_BOUNDS,
        initial_scale: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.log_variance_bounds = standardize_log_variance_bounds(log_variance_bounds)
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        self.dense = keras.layers.Dense(
            2 * dim,
            kernel_initializer=keras.initializers.VarianceScaling(
                initial_scale**2, mode="fan_avg", distribution="uniform"
            ),
            dtype=self.dtype_policy,
            name="parameters",
        )

    def build(self, input_shape: Any) -> None:
        """Create the weights for features of shape (n, ...)."""
        self.dense.build(self.flatten.compute_output_shape(input_shape))

    def call(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (n, dim), float32."""
        outputs = as_float32(self.dense(self.flatten(features)))
        mean, log_variance = ops.split(outputs, 2, axis=-1)
        return mean, ops.clip(log_variance, *self.log_variance_bounds)

    def distribution(self, features: Tensor) -> DiagonalNormal:
        """The distribution given by features of shape (n, ...)."""
        return DiagonalNormal(*self(features))


def standardize_log_variance_bounds(bounds: Any) -> tuple[float, float]:
    """`bounds` as two floats.

    Raises:
        ValueError: if they are not two increasing finite numbers.
    """
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        low = high = float("nan")
    if not -float("inf") < low < high < float("inf"):
        raise ValueError(
            f"log_variance_bounds={bounds!r}: expected two increasing finite numbers, such as "
            f"{DEFAULT_LOG_VARIANCE_BOUNDS}."
        )
    return low, high
