"""The normal distribution with diagonal covariance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from hiervae import random
from hiervae.types import Tensor

LOG_TWO_PI = math.log(2.0 * math.pi)


@dataclass(frozen=True)
class DiagonalNormal:
    """N(z | mean, diag(exp(log_variance))) over the last axis.

    Attributes:
        mean: shape (..., d), float32.
        log_variance: shape (..., d), float32; natural logarithm of the variance.
    """

    mean: Tensor
    log_variance: Tensor

    @classmethod
    def standard(cls, num: Any, dim: int) -> DiagonalNormal:
        """N(0, I) with parameters of shape (num, dim)."""
        zeros = ops.zeros((num, dim), dtype="float32")
        return cls(zeros, zeros)

    def __getitem__(self, index: Any) -> DiagonalNormal:
        """The distribution of some rows: parameters are indexed on their leading axis."""
        return DiagonalNormal(self.mean[index], self.log_variance[index])

    @property
    def variance(self) -> Tensor:
        """The variances, shape (..., d)."""
        return ops.exp(self.log_variance)

    @property
    def stddev(self) -> Tensor:
        """The standard deviations, shape (..., d)."""
        return ops.exp(0.5 * self.log_variance)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of `value` (..., d) in nats, summed over the last axis: shape (...)."""
        squared = ops.square(value - self.mean) * ops.exp(-self.log_variance)
        return -0.5 * ops.sum(squared + self.log_variance + LOG_TWO_PI, axis=-1)

    def sample(self, seed: Any) -> Tensor:
        """A reparameterised draw, shape (..., d)."""
        return self.mean + self.stddev * random.normal(ops.shape(self.mean), seed)

    def sample_and_log_prob(self, seed: Any) -> tuple[Tensor, Tensor]:
        """A draw (..., d) and its log-density (...), computed from the noise itself."""
        noise = random.normal(ops.shape(self.mean), seed)
        log_prob = -0.5 * ops.sum(ops.square(noise) + self.log_variance + LOG_TWO_PI, axis=-1)
        return self.mean + self.stddev * noise, log_prob

    def entropy(self) -> Tensor:
        """Differential entropy in nats, shape (...)."""
        return 0.5 * ops.sum(self.log_variance + LOG_TWO_PI + 1.0, axis=-1)

    def repeat(self, num_samples: int) -> DiagonalNormal:
        """The distribution repeated for `num_samples` samples: (n, d) to (num_samples * n, d)."""
        if num_samples == 1:
            return self
        repeats = (num_samples, 1)
        return DiagonalNormal(ops.tile(self.mean, repeats), ops.tile(self.log_variance, repeats))

    def split(self, sizes: tuple[int, ...]) -> list[DiagonalNormal]:
        """Independent marginals over consecutive blocks of the last axis."""
        parts, start = [], 0
        for size in sizes:
            block = (..., slice(start, start + size))
            parts.append(DiagonalNormal(self.mean[block], self.log_variance[block]))
            start += size
        return parts

    @staticmethod
    def concatenate(parts: list[DiagonalNormal]) -> DiagonalNormal:
        """The product of independent normals, joined along the last axis."""
        if len(parts) == 1:
            return parts[0]
        return DiagonalNormal(
            ops.concatenate([part.mean for part in parts], axis=-1),
            ops.concatenate([part.log_variance for part in parts], axis=-1),
        )


def as_float32(value: Tensor) -> Tensor:
    """`value` in float32: log-probabilities are never computed in half precision."""
    return (
        value
        if keras.backend.standardize_dtype(value.dtype) == "float32"
        else ops.cast(value, "float32")
    )
