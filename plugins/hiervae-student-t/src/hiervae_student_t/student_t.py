"""The Student-t prior."""

from __future__ import annotations

import math
from typing import Any

import keras
from hiervae import random
from hiervae.distributions import DiagonalNormal
from hiervae.options import check_number_between
from hiervae.priors import Prior
from hiervae.types import Config, Tensor
from keras import ops

from hiervae_student_t.gamma_ratio import log_gamma_ratio

DEGREES_OF_FREEDOM_BOUNDS = (1.0, 1000.0)
LOG_SCALE_BOUNDS = (-5.0, 5.0)
INITIAL_SCALE_BOUNDS = (0.007, 148.0)
"""Inside those of a scale, beyond which it has no gradient."""


class StudentT(Prior):
    """p(z) = prod_d t(z_d | nu_d, 0, scale_d), with nu_d and scale_d learned.

    The dimensions are independent, each with its own degrees of freedom; see the README for how
    this differs from the multivariate Student-t.

    Args:
        degrees_of_freedom: where nu_d starts, from 1 (Cauchy) to 1000 (nearly normal); learned
            values stay in this range.
        scale: where scale_d starts, from 0.007 to 148; learned values stay between exp(-5) and
            exp(5).
        **kwargs: `name`, `dtype` and `trainable` of a Keras layer; `trainable=False` keeps nu_d
            and scale_d where they start.

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(self, degrees_of_freedom: float = 5.0, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.degrees_of_freedom = check_number_between(
            "degrees_of_freedom", degrees_of_freedom, *DEGREES_OF_FREEDOM_BOUNDS
        )
        self.scale = check_number_between("scale", scale, *INITIAL_SCALE_BOUNDS)

    @property
    def is_exact(self) -> bool:
        """True."""
        return True

    def build(self, input_shape: Any) -> None:
        """Create log nu and log scale for z of shape (n, prior_dim)."""
        self.log_degrees_of_freedom = self._vector(
            input_shape[-1], self.degrees_of_freedom, "log_degrees_of_freedom"
        )
        self.log_scale = self._vector(input_shape[-1], self.scale, "log_scale")

    def _vector(self, size: int, start: float, name: str) -> Any:
        initializer = keras.initializers.Constant(math.log(start))
        return self.add_weight(shape=(size,), initializer=initializer, dtype="float32", name=name)

    def degrees_of_freedom_values(self) -> Tensor:
        """nu, shape (prior_dim,)."""
        low, high = map(math.log, DEGREES_OF_FREEDOM_BOUNDS)
        return ops.exp(ops.clip(ops.convert_to_tensor(self.log_degrees_of_freedom), low, high))

    def scale_values(self) -> Tensor:
        """The scales, shape (prior_dim,)."""
        return ops.exp(ops.clip(ops.convert_to_tensor(self.log_scale), *LOG_SCALE_BOUNDS))

    def log_prob(
        self,
        latent: Tensor,
        components: DiagonalNormal | None = None,
        seed: Any = None,
        training: bool = False,
    ) -> Tensor:
        """Log-density in nats, shape (n,), for z of shape (n, prior_dim)."""
        nu, scale = self.degrees_of_freedom_values(), self.scale_values()
        constant = log_gamma_ratio(0.5 * nu) - 0.5 * ops.log(math.pi * nu) - ops.log(scale)
        tail = 0.5 * (nu + 1.0) * ops.log1p(ops.square(latent / scale) / nu)
        return ops.sum(constant - tail, axis=-1)

    def sample(
        self, num_samples: int, components: DiagonalNormal | None = None, seed: Any = None
    ) -> Tensor:
        """Draws of z by the polar method of Bailey (1994), shape (num_samples, prior_dim)."""
        nu, scale = self.degrees_of_freedom_values(), self.scale_values()
        uniform = random.uniform((2, num_samples, self.context.prior_dim), seed)
        log_uniform = ops.log1p(-uniform[0])  # of a number in (0, 1], so that it is finite
        radius = ops.sqrt(nu * ops.expm1(-2.0 / nu * log_uniform))
        return scale * radius * ops.cos(2.0 * math.pi * uniform[1])

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "degrees_of_freedom": self.degrees_of_freedom,
            "scale": self.scale,
        }
