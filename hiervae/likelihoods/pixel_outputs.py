"""The distributions that a PixelCNN gives to one value."""

from __future__ import annotations

import abc

from keras import ops

from hiervae.likelihoods import logistic
from hiervae.likelihoods.greys import grey_of
from hiervae.types import Tensor

GREY_DISTRIBUTIONS = ("softmax", "discretized_logistic")
LOG_SCALE_BOUNDS = (-4.5, 0.0)


class PixelOutput(abc.ABC):
    """The distribution of a value's level, from the outputs of the last convolution.

    Attributes:
        units: outputs for each value.
        start: what the outputs of a value begin with, beside what depends on the image.
    """

    units: int
    start: tuple[float, ...] = (0.0,)

    @abc.abstractmethod
    def log_prob(self, level: Tensor, outputs: Tensor) -> Tensor:
        """Return log-probabilities in nats, shape (...), of levels (...), outputs (..., units)."""

    @abc.abstractmethod
    def draw(self, outputs: Tensor, noise: Tensor) -> Tensor:
        """Return the greys at which the distribution functions pass uniform noise (...)."""

    @abc.abstractmethod
    def expect(self, outputs: Tensor) -> Tensor:
        """Return the mean greys, shape (...)."""


class BernoulliOutput(PixelOutput):
    """A logit for zero or one."""

    units = 1

    def log_prob(self, level: Tensor, outputs: Tensor) -> Tensor:
        """See the base class."""
        logits = outputs[..., 0]
        return level * logits - ops.softplus(logits)

    def draw(self, outputs: Tensor, noise: Tensor) -> Tensor:
        """See the base class."""
        return ops.cast(noise < ops.sigmoid(outputs[..., 0]), "float32")

    def expect(self, outputs: Tensor) -> Tensor:
        """See the base class."""
        return ops.sigmoid(outputs[..., 0])


class SoftmaxOutput(PixelOutput):
    """A logit for each level."""

    def __init__(self, num_levels: int) -> None:
        self.units = num_levels

    def log_prob(self, level: Tensor, outputs: Tensor) -> Tensor:
        """See the base class."""
        index = ops.expand_dims(ops.cast(level, "int32"), -1)
        chosen = ops.take_along_axis(outputs, index, axis=-1)[..., 0]
        return chosen - ops.logsumexp(outputs, axis=-1)

    def draw(self, outputs: Tensor, noise: Tensor) -> Tensor:
        """See the base class."""
        passed = ops.cumsum(ops.softmax(outputs, axis=-1), axis=-1)[..., :-1]
        level = ops.sum(ops.cast(ops.expand_dims(noise, -1) >= passed, "float32"), axis=-1)
        return grey_of(level, self.units)

    def expect(self, outputs: Tensor) -> Tensor:
        """See the base class."""
        greys = grey_of(ops.arange(self.units, dtype="int32"), self.units)
        return ops.sum(ops.softmax(outputs, axis=-1) * greys, axis=-1)


class LogisticOutput(PixelOutput):
    """Location and log-scale of a logistic over the levels (Tomczak & Welling 2018).

    The location is a sigmoid, clipped to half a level from either end, and the log-scale is clipped
    to [-4.5, 0], as in `DiscretizedLogistic`.
    """

    units = 2
    start = (0.0, sum(LOG_SCALE_BOUNDS) / 2.0)

    def __init__(self, num_levels: int) -> None:
        self.num_levels = num_levels

    def _parameters(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        edge = 0.5 / self.num_levels
        location = ops.clip(ops.sigmoid(outputs[..., 0]), edge, 1.0 - edge)
        return location, ops.clip(outputs[..., 1], *LOG_SCALE_BOUNDS)

    def log_prob(self, level: Tensor, outputs: Tensor) -> Tensor:
        """See the base class."""
        return logistic.log_prob_of_level(level, *self._parameters(outputs), self.num_levels)

    def draw(self, outputs: Tensor, noise: Tensor) -> Tensor:
        """See the base class."""
        return logistic.grey_at(noise, *self._parameters(outputs), self.num_levels)

    def expect(self, outputs: Tensor) -> Tensor:
        """See the base class."""
        location, log_scale = (ops.expand_dims(each, -1) for each in self._parameters(outputs))
        # All levels at once: within the loop over pixels another loop would be slow.
        edges = ops.arange(1, self.num_levels, dtype="float32") / self.num_levels
        reached = ops.sigmoid((location - edges) * ops.exp(-log_scale))
        return grey_of(ops.sum(reached, axis=-1), self.num_levels)


def pixel_output(grey_distribution: str, num_levels: int) -> PixelOutput:
    """Return the distribution of that name; of two levels it is Bernoulli."""
    if num_levels == 2:
        return BernoulliOutput()
    if grey_distribution == "softmax":
        return SoftmaxOutput(num_levels)
    return LogisticOutput(num_levels)
