"""The layer that turns features into a diagonal normal distribution."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.distributions.diagonal_normal import as_float32
from hiervae.networks.hidden_layer import apply_dense
from hiervae.networks.normalization import BatchNormalization
from hiervae.networks.options import PairedInitializer
from hiervae.networks.starts import RepeatedStart, start_within
from hiervae.types import Shape, Tensor
from hiervae.utils.pairs import NUM_MAPS, mark_pairs
from hiervae.utils.validation import check_choice, check_increasing

DEFAULT_LOG_VARIANCE_BOUNDS = (-10.0, 5.0)

# Between stochastic levels a head of Glorot's scale starts with log-variances of several units, and
# an untrained model of two levels with a KL of thousands of nats. A tenth starts near N(0, I).
NEAR_STANDARD_NORMAL = 0.1

VARIANCES = ("exp", "softplus", "sigmoid")

_SMALLEST_STDDEV = 0.001
_SOFTPLUS_IS_EXP = -15.0
_SOFTPLUS_IS_IDENTITY = 30.0
_LARGEST_LOG_START = 80.0


class NormalHead(keras.layers.Layer):
    """Affine maps from features to the mean and the bounded log-variance of z (n, *shape).

    They lie side by side in one weight, but start, and are normalised by optimisers, as tensors of
    their own (`hiervae.utils.pairs`).

    Features (n, height, width, k) of a latent of shape (height, width, channels) are mapped pixel
    by pixel, which is a 1x1 convolution. In every other case all features of an example are mapped
    to all values of its latent.

    Args:
        shape: of the latent, or its size where it is a vector.
        log_variance_bounds: lowest and highest log-variance; values outside are clipped. Bounds
            that exclude the log-variance of r = 0 start with their middle.
        initial_scale: factor on Glorot's initial weights, or with batch normalisation its initial
            factor; small values start near N(0, I).
        variance: what becomes of the second map's outcome r: "exp", the variance is exp(r);
            "softplus", it is log(1 + exp(r)) (Sønderby et al. 2016); "sigmoid", the standard
            deviation is sigmoid(r) + 0.001 (Zhao et al. 2017).
        batch_norm: normalise both halves over the batch, with a learned factor and shift.

    Raises:
        ValueError: if the bounds are not two increasing finite numbers, or `variance` is unknown.
    """

    def __init__(
        self,
        shape: int | Shape,
        log_variance_bounds: tuple[float, float] = DEFAULT_LOG_VARIANCE_BOUNDS,
        initial_scale: float = 1.0,
        variance: str = "exp",
        batch_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.shape = (shape,) if isinstance(shape, int) else tuple(shape)
        self.variance = check_choice("variance", variance, VARIANCES)
        self.log_variance_bounds = standardize_log_variance_bounds(log_variance_bounds)
        self.flatten = keras.layers.Flatten("channels_last", dtype=self.dtype_policy)
        # Made here and not in `build`: an initialiser takes its seed when it is made.
        self._initializer = PairedInitializer(
            [
                keras.initializers.VarianceScaling(
                    initial_scale**2, mode="fan_avg", distribution="uniform"
                )
                for _ in range(NUM_MAPS)
            ]
        )
        raw = _raw_start(self.variance, self.log_variance_bounds)
        shift = PairedInitializer(["zeros", RepeatedStart([raw])])
        self._bias_initializer = shift
        self.normalization = None
        if batch_norm:
            self.normalization = BatchNormalization(
                gamma_initializer=keras.initializers.Constant(initial_scale),
                beta_initializer=shift,
                dtype=self.dtype_policy,
                name="normalization",
            )

    def build(self, input_shape: Any) -> None:
        """Create the weights for features of shape (n, ...)."""
        ranks = len(self.shape), len(input_shape)
        self.is_per_pixel = ranks == (3, 4) and tuple(input_shape[1:3]) == self.shape[:2]
        size = self.shape[-1] if self.is_per_pixel else math.prod(self.shape)
        self.dense = keras.layers.Dense(
            2 * size,
            kernel_initializer=self._initializer,
            bias_initializer=self._bias_initializer,
            use_bias=self.normalization is None,  # the normalisation has a shift
            dtype=self.dtype_policy,
            name="parameters",
        )
        taken = input_shape
        if not self.is_per_pixel:
            taken = self.flatten.compute_output_shape(input_shape)
        self.dense.build(taken)
        if self.normalization is not None:
            self.normalization.build((*taken[:-1], 2 * size))
        mark_pairs(self.trainable_variables)

    def call(self, features: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance, each (n, *shape), float32."""
        if self.is_per_pixel:
            outputs = self.dense(features)
        else:
            outputs = apply_dense(self.dense, self.flatten(features))
        if self.normalization is not None:
            outputs = self.normalization(outputs, training=training)
        mean, raw = ops.split(as_float32(outputs), 2, axis=-1)
        if len(self.shape) > 1:
            mean, raw = (ops.reshape(values, (-1, *self.shape)) for values in (mean, raw))
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
        """Return the distribution given by features of shape (n, ...)."""
        mean, log_variance = self(features, training=training)
        return DiagonalNormal(mean, log_variance, len(self.shape))


def _raw_start(variance: str, bounds: tuple[float, float]) -> float:
    """The r that a head begins near: 0, or that of the middle of bounds that exclude it."""
    usual = {
        "exp": 0.0,
        "softplus": math.log(math.log(2.0)),
        "sigmoid": 2.0 * math.log(0.5 + _SMALLEST_STDDEV),
    }[variance]
    if variance == "sigmoid":
        low, high = (2.0 * math.log(_SMALLEST_STDDEV + share) for share in (0.0, 1.0))
        bounds = max(bounds[0], low), min(bounds[1], high)
        if not bounds[0] < bounds[1]:
            return 0.0  # no r leads into the bounds
    start = start_within(bounds, usual)
    if start == usual:
        return 0.0
    if variance == "sigmoid":
        share = math.exp(0.5 * start) - _SMALLEST_STDDEV
        return math.log(share / (1.0 - share))
    if variance == "exp" or start < _SOFTPLUS_IS_EXP:
        return start
    value = math.exp(min(start, _LARGEST_LOG_START))
    return math.log(math.expm1(value)) if value < _SOFTPLUS_IS_IDENTITY else value


def standardize_log_variance_bounds(bounds: Any) -> tuple[float, float]:
    """Return `bounds` as two floats.

    Raises:
        ValueError: if they are not two increasing finite numbers.
    """
    return check_increasing("log_variance_bounds", bounds, DEFAULT_LOG_VARIANCE_BOUNDS)
