"""The mixture of Gaussians."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.distributions.diagonal_normal import as_float32
from hiervae.networks.normal_head import (
    DEFAULT_LOG_VARIANCE_BOUNDS,
    standardize_log_variance_bounds,
)
from hiervae.networks.starts import RepeatedStart, start_within
from hiervae.priors.mixture import Mixture
from hiervae.types import Config


class MixtureOfGaussians(Mixture):
    """p(z) = sum_k w_k N(z | mu_k, sigma_k^2) with learned mu_k and sigma_k.

    The means start as draws of N(0, I) with the model's seed, so that the components differ from
    one another and lie where the posteriors of a young model do; the variances start at 1, or at
    the middle of bounds that exclude it.

    Args:
        num_components: K.
        weights: "uniform" for w_k = 1/K, or "learned" for the softmax of free logits.
        log_variance_bounds: lowest and highest log-variance; values outside are clipped.
        **kwargs: `name` and `dtype` of a Keras layer.

    Raises:
        ValueError: if an option is wrong.
    """

    def __init__(
        self,
        num_components: int = 500,
        weights: str = "uniform",
        log_variance_bounds: tuple[float, float] = DEFAULT_LOG_VARIANCE_BOUNDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_components, weights, **kwargs)
        self.log_variance_bounds = standardize_log_variance_bounds(log_variance_bounds)

    @property
    def is_exact(self) -> bool:
        """True."""
        return True

    def build(self, input_shape: Any) -> None:
        """Create means and log-variances, each (K, prior_dim)."""
        super().build(input_shape)
        shape = (self.num_components, input_shape[-1])
        start = start_within(self.log_variance_bounds)
        self.means = self.add_weight(
            shape=shape, initializer=keras.initializers.RandomNormal(stddev=1.0), name="means"
        )
        self.log_variances = self.add_weight(
            shape=shape, initializer=RepeatedStart([start]), name="log_variances"
        )

    def normals(self, components: DiagonalNormal | None = None) -> DiagonalNormal:
        """The components N(mu_k, sigma_k^2), parameters (K, prior_dim)."""
        mean, log_variance = (
            as_float32(ops.convert_to_tensor(weight)) for weight in (self.means, self.log_variances)
        )
        return DiagonalNormal(mean, ops.clip(log_variance, *self.log_variance_bounds))

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {**super().get_config(), "log_variance_bounds": self.log_variance_bounds}
