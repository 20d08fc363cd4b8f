"""The Laplace likelihood."""

from __future__ import annotations

import math
from typing import Any

from hiervae import random
from hiervae.likelihoods import Likelihood
from hiervae.options import check_positive_number
from hiervae.types import Config, Tensor
from keras import ops

from hiervae_counts.head import Head, sum_event

LOG_SCALE_BOUNDS = (-6.0, 6.0)


class Laplace(Likelihood):
    """Independent Laplace distributions; the parameters are location and log-scale.

    The reconstruction error is |x - location|, divided by the scale where that is fixed.

    Args:
        scale: a fixed positive number; "learned" for one weight per value; or "predicted" for an
            output of the decoder.
        **kwargs: `name`, `dtype` and `trainable` of a Keras layer.

    Raises:
        ValueError: if the scale is neither a positive number nor one of the two words.
    """

    def __init__(self, scale: float | str = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if scale not in ("learned", "predicted"):
            if isinstance(scale, str):
                raise ValueError(
                    f'scale={scale!r}: expected a positive number, "learned" or "predicted".'
                )
            scale = check_positive_number("scale", scale)
        self.scale = scale

    def build(self, input_shape: Any) -> None:
        """Create the weights for features (n, ...)."""
        shape, num = self.context.event_shape, 2 if self.scale == "predicted" else 1
        self.head = Head(shape, num, name="parameters", dtype=self.dtype_policy)
        self.head.build(input_shape)
        if self.scale == "learned":
            self.log_scale = self.add_weight(
                shape=shape, initializer="zeros", dtype="float32", autocast=False, name="log_scale"
            )

    def call(self, features: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """Location and log-scale, each (n, *event_shape)."""
        location, *predicted = self.head(features)
        if not isinstance(self.scale, str):
            return location, ops.full_like(location, math.log(self.scale))
        if predicted:
            log_scale = predicted[0]
        else:
            log_scale = ops.zeros_like(location) + ops.convert_to_tensor(self.log_scale)
        return location, ops.clip(log_scale, *LOG_SCALE_BOUNDS)

    def log_prob(self, value: Tensor, parameters: tuple[Tensor, Tensor]) -> Tensor:
        """Log-density in nats, shape (n,), for x of shape (n, *event_shape)."""
        location, log_scale = parameters
        distance = ops.abs(value - location) * ops.exp(-log_scale)
        return -sum_event(distance + log_scale + math.log(2.0))

    def mean(self, parameters: tuple[Tensor, Tensor]) -> Tensor:
        """The location."""
        return parameters[0]

    def sample(self, parameters: tuple[Tensor, Tensor], seed: Any = None) -> Tensor:
        """A draw of x, shape (n, *event_shape)."""
        location, log_scale = parameters
        uniform = random.uniform(ops.shape(location), seed) - 0.5
        distance = -ops.log(ops.maximum(1.0 - 2.0 * ops.abs(uniform), 1e-7))
        return location + ops.exp(log_scale) * ops.sign(uniform) * distance

    def reconstruction_error(self, value: Tensor, parameters: tuple[Tensor, Tensor]) -> Tensor:
        """The absolute error, over a fixed scale, summed over the event: shape (n,)."""
        error = sum_event(ops.abs(value - parameters[0]))
        return error if isinstance(self.scale, str) else error / self.scale

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {**super().get_config(), "scale": self.scale}
