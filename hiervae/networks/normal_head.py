"""The layer that turns features into a diagonal normal distribution."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.distributions.diagonal_normal import as_float32
from hiervae.networks.normalization import BatchNormalization
from hiervae.types import Tensor
from hiervae.utils.validation import check_choice, check_increasing

DEFAULT_LOG_VARIANCE_BOUNDS = (-10.0, 5.0)

# Between stochastic levels a head of Glorot's scale starts with log-variances of several units, and
# an untrained model of two levels with a KL of thousands of nats. A tenth starts near N(0, I).
NEAR_STANDARD_NORMAL = 0.1

VARIANCES = ("exp", "softplus", "sigmoid")

_SMALLEST_STDDEV = 0.001
_SOFTPLUS_IS_EXP = -15.0


class NormalHead(keras.layers.Layer):
    """An affine map from features (n, k) to the mean and bounded log-variance of z (n, dim).

    Args:
        dim: size of the latent vector.
        log_variance_bounds: lowest and highest log-variance; values outside are clipped.
        initial_scale: factor on Glorot's initial weights, or with batch normalisation its initial
            factor; small values start near N(0, I).
        variance: what becomes of the map's second half r: "exp", the variance is exp(r);
            "softplus", it is log(1 + exp(r)) (Sønderby et al. 2016); "sigmoid", the standard
            deviation is sigmoid(r) + 0.001 (Zhao et al. 2017).
        batch_norm: normalise both halves over the batch, with a learned factor and shift.

    Raises:
        ValueError: if the bounds are not two increasing finite numbers, or `variance` is unknown.
    """

    def __init__(
        self,
        dim: int,
        log_variance_bounds: tuple[float, float] = DEFAULT_LOG_VARIANCE_BOUNDS,
        initial_scale: float = 1.0,
        variance: str = "exp",
        batch_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.variance = check_choice("variance", variance, VARIANCES)
        self.log_variance_bounds = standardize_log_variance_bounds(log_variance_bounds)
        self.flatten = keras.layers.Flatten("channels_last", dtype=self.dtype_policy)
        self.dense = keras.layers.Dense(
            2 * dim,
            kernel_initializer=keras.initializers.VarianceScaling(
                initial_scale**2, mode="fan_avg", distribution="uniform"
            ),
            use_bias=not batch_norm,  # the normalisation has a shift
            dtype=self.dtype_policy,
            name="parameters",
        )
        self.normalization = None
        if batch_norm:
            self.normalization = BatchNormalization(
                gamma_initializer=keras.initializers.Constant(initial_scale),
                dtype=self.dtype_policy,
                name="normalization",
            )

    def build(self, input_shape: Any) -> None:
        """Create the weights for features of shape (n, ...)."""
        self.dense.build(self.flatten.compute_output_shape(input_shape))
        if self.normalization is not None:
            self.normalization.build((None, 2 * self.dim))

    def call(self, features: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (n, dim), float32."""
        outputs = self.dense(self.flatten(features))
        if self.normalization is not None:
            outputs = self.normalization(outputs, training=training)
        mean, raw = ops.split(as_float32(outputs), 2, axis=-1)
        return mean, ops.clip(self._log_variance(raw), *self.log_variance_bounds)

    def _log_variance(self, raw: Tensor) -> Tensor:
        if self.variance == "softplus":
            # Far below zero softplus(r) underflows, and its logarithm is r.
            exact = ops.log(ops.softplus(ops.maximum(raw, _SOFTPLUS_IS_EXP)))
            return ops.where(raw < _SOFTPLUS_IS_EXP, raw, exact)
        if self.variance == "sigmoid":
            return 2.0 * ops.log(ops.sigmoid(raw) + _SMALLEST_STDDEV)
        return raw

    def distribution(self, features: Tensor, training: bool = False) -> DiagonalNormal:
        """The distribution given by features of shape (n, ...)."""
        return DiagonalNormal(*self(features, training=training))


def standardize_log_variance_bounds(bounds: Any) -> tuple[float, float]:
    """`bounds` as two floats.

    Raises:
        ValueError: if they are not two increasing finite numbers.
    """
    return check_increasing("log_variance_bounds", bounds, DEFAULT_LOG_VARIANCE_BOUNDS)
