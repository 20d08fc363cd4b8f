"""The Gaussian likelihood."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.distributions.diagonal_normal import LOG_TWO_PI
from hiervae.likelihoods.base import Likelihood, flat_size
from hiervae.likelihoods.heads import OutputHead
from hiervae.networks.normal_head import standardize_log_variance_bounds
from hiervae.networks.starts import RepeatedStart, start_within
from hiervae.types import Config, Tensor
from hiervae.utils.validation import check_positive_number
from hiervae.utils.versioned import CheckedOption


def _check_variance(name: str, value: Any) -> float | str:
    if not isinstance(value, str):
        return check_positive_number(name, value)
    if value not in ("learned", "predicted"):
        raise ValueError(f'{name}={value!r}: expected a positive number, "learned" or "predicted".')
    return value


class Gaussian(Likelihood):
    """Independent normals; the parameters are mean and log-variance, each (n, event size).

    The reconstruction error is the squared error, divided by twice the variance where that is
    fixed.

    Args:
        variance: a fixed positive number; "learned" for one weight a dimension; or "predicted"
            for an output of the decoder.
        log_variance_bounds: bounds of a learned or predicted log-variance, which starts at or
            near 0, or the middle of bounds that exclude it.

    Raises:
        ValueError: if the variance is neither a positive number nor one of the two words.
    """

    variance = CheckedOption(_check_variance)

    def __init__(
        self,
        variance: float | str = 1.0,
        log_variance_bounds: tuple[float, float] = (-10.0, 5.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.variance = variance
        self.log_variance_bounds = standardize_log_variance_bounds(log_variance_bounds)

    def may_set(self, name: str, value: object) -> bool:
        """See the base class; a fixed variance may become another one."""
        if name == "variance":
            return not isinstance(self.variance, str) and not isinstance(value, str)
        return super().may_set(name, value)

    def build(self, input_shape: Any) -> None:
        """Create the output weights for features of shape (n, ...)."""
        event_shape = self.context.event_shape
        start = RepeatedStart([start_within(self.log_variance_bounds)])
        self.location = OutputHead(event_shape, name="mean")
        self.location.build(input_shape)
        if self.variance == "predicted":
            self.scale = OutputHead(event_shape, bias_initializer=start, name="log_variance")
            self.scale.build(input_shape)
        elif self.variance == "learned":
            self.log_variance = self.add_weight(
                shape=(flat_size(event_shape),),
                initializer=start,
                dtype="float32",
                name="log_variance",
            )

    def call(self, features: Tensor, training: bool = False) -> DiagonalNormal:
        """The density's parameters, each of shape (n, event size)."""
        mean = self._flat(*self.location(features))
        if isinstance(self.variance, float):
            log_variance = ops.full_like(mean, math.log(self.variance))
        elif self.variance == "learned":
            raw = ops.convert_to_tensor(self.log_variance)
            log_variance = ops.zeros_like(mean) + ops.clip(raw, *self.log_variance_bounds)
        else:
            log_variance = ops.clip(self._flat(*self.scale(features)), *self.log_variance_bounds)
        return DiagonalNormal(mean, log_variance)

    def _flat(self, value: Tensor) -> Tensor:
        return ops.reshape(value, (-1, flat_size(self.context.event_shape)))

    def _shaped(self, value: Tensor) -> Tensor:
        return ops.reshape(value, (-1, *self.context.event_shape))

    def log_prob(self, value: Tensor, parameters: DiagonalNormal) -> Tensor:
        """Log-density in nats, shape (n,), for x of shape (n, *event_shape)."""
        return self._log_density(self._flat(value), parameters)

    def log_prob_of_draws(
        self, value: Tensor, parameters: DiagonalNormal, num_samples: int
    ) -> Tensor:
        """See the base class."""
        shape = (num_samples, -1, flat_size(self.context.event_shape))
        draws = DiagonalNormal(
            ops.reshape(parameters.mean, shape), ops.reshape(parameters.log_variance, shape)
        )
        return ops.reshape(self._log_density(self._flat(value), draws), (-1,))

    def mean(self, parameters: DiagonalNormal) -> Tensor:
        """The mean of x, shape (n, *event_shape)."""
        return self._shaped(parameters.mean)

    def sample(self, parameters: DiagonalNormal, seed: Any = None) -> Tensor:
        """A draw of x, shape (n, *event_shape)."""
        return self._shaped(parameters.sample(seed))

    def reconstruction_error(self, value: Tensor, parameters: DiagonalNormal) -> Tensor:
        """The squared error, over twice a fixed variance, summed over the event: shape (n,)."""
        return self._error(self._flat(value), parameters)

    def _error(self, value: Tensor, parameters: DiagonalNormal) -> Tensor:
        error = ops.sum(ops.square(value - parameters.mean), axis=-1)
        return error / (2.0 * self.variance) if isinstance(self.variance, float) else error

    def _log_density(self, value: Tensor, parameters: DiagonalNormal) -> Tensor:
        """The log-density of vectors; that of a fixed variance is the error and a constant."""
        if not isinstance(self.variance, float):
            return parameters.log_prob(value)
        size = flat_size(self.context.event_shape)
        constant = 0.5 * size * (math.log(self.variance) + LOG_TWO_PI)
        return -(self._error(value, parameters) + constant)

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "variance": self.variance,
            "log_variance_bounds": self.log_variance_bounds,
        }
