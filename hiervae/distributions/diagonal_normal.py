"""The normal distribution with diagonal covariance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from hiervae import random
from hiervae.types import Shape, Tensor

LOG_TWO_PI = math.log(2.0 * math.pi)


@dataclass(frozen=True)
class DiagonalNormal:
    """N(z | mean, diag(exp(log_variance))) over the last axes.

    Attributes:
        mean: shape (..., *event), float32.
        log_variance: shape (..., *event), float32; natural logarithm of the variance.
        event_rank: number of axes of one event: 1 for vectors, 3 for maps (height, width,
            channels).
    """

    mean: Tensor
    log_variance: Tensor
    event_rank: int = 1

    @classmethod
    def standard(cls, num: Any, dim: int) -> DiagonalNormal:
        """Return N(0, I) with parameters of shape (num, dim)."""
        zeros = ops.zeros((num, dim), dtype="float32")
        return cls(zeros, zeros)

    def __getitem__(self, index: Any) -> DiagonalNormal:
        """Return the distribution of some rows: the leading axis of the parameters is indexed."""
        return DiagonalNormal(self.mean[index], self.log_variance[index], self.event_rank)

    @property
    def event_axes(self) -> int | tuple[int, ...]:
        """The axes of an event, counted from the last one, as reductions take them."""
        return -1 if self.event_rank == 1 else tuple(range(-self.event_rank, 0))

    @property
    def variance(self) -> Tensor:
        """The variances, shape (..., *event)."""
        return ops.exp(self.log_variance)

    @property
    def stddev(self) -> Tensor:
        """The standard deviations, shape (..., *event)."""
        return ops.exp(0.5 * self.log_variance)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density of `value` (..., *event) in nats, summed over events: (...)."""
        squared = ops.square(value - self.mean) * ops.exp(-self.log_variance)
        return -0.5 * ops.sum(squared + self.log_variance + LOG_TWO_PI, axis=self.event_axes)

    def sample(self, seed: Any) -> Tensor:
        """Draw with reparameterisation, shape (..., *event)."""
        return self.mean + self.stddev * random.normal(ops.shape(self.mean), seed)

    def sample_and_log_prob(self, seed: Any) -> tuple[Tensor, Tensor]:
        """Return a draw (..., *event) and its log-density (...), computed from the noise itself."""
        noise = random.normal(ops.shape(self.mean), seed)
        terms = ops.square(noise) + self.log_variance + LOG_TWO_PI
        log_prob = -0.5 * ops.sum(terms, axis=self.event_axes)
        return self.mean + self.stddev * noise, log_prob

    def entropy(self) -> Tensor:
        """Return the differential entropy in nats, shape (...)."""
        return 0.5 * ops.sum(self.log_variance + LOG_TWO_PI + 1.0, axis=self.event_axes)

    def repeat(self, num_samples: int) -> DiagonalNormal:
        """Repeat for `num_samples` samples: (n, *event) to (num_samples * n, *event)."""
        if num_samples == 1:
            return self
        repeats = (num_samples, *(1,) * self.event_rank)
        return DiagonalNormal(
            ops.tile(self.mean, repeats), ops.tile(self.log_variance, repeats), self.event_rank
        )

    def reshape(self, event_shape: Shape) -> DiagonalNormal:
        """Return the same distribution over events of another shape with as many numbers.

        Args:
            event_shape: of the new events; the parameters have one axis before them.
        """
        if self.event_rank == len(event_shape) == 1:
            return self
        mean, log_variance = (
            ops.reshape(parameter, (-1, *event_shape))
            for parameter in (self.mean, self.log_variance)
        )
        return DiagonalNormal(mean, log_variance, len(event_shape))

    def flatten(self) -> DiagonalNormal:
        """Return the same distribution over vectors: (n, *event) to (n, d)."""
        return self.reshape((math.prod(self.mean.shape[-self.event_rank :]),))

    def split(self, sizes: tuple[int, ...]) -> list[DiagonalNormal]:
        """Return independent marginals over consecutive blocks of the axis of a vector."""
        parts, start = [], 0
        for size in sizes:
            block = (..., slice(start, start + size))
            parts.append(DiagonalNormal(self.mean[block], self.log_variance[block]))
            start += size
        return parts

    @staticmethod
    def concatenate(parts: list[DiagonalNormal]) -> DiagonalNormal:
        """Return the product of independent normals over vectors, joined along the last axis."""
        if len(parts) == 1:
            return parts[0]
        return DiagonalNormal(
            ops.concatenate([part.mean for part in parts], axis=-1),
            ops.concatenate([part.log_variance for part in parts], axis=-1),
        )


def as_float32(value: Tensor) -> Tensor:
    """Return `value` in float32: log-probabilities are never computed in half precision."""
    return (
        value
        if keras.backend.standardize_dtype(value.dtype) == "float32"
        else ops.cast(value, "float32")
    )
