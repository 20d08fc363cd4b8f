"""A mixture prior that keeps the contract, for broken ones to derive from."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from hiervae import random
from hiervae.priors import Prior


class GoodMixture(Prior):
    """(1/K) sum_k N(z | mean_k, exp(log_variance_k)), means and log-variances learned."""

    def __init__(self, num_components: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_components = num_components

    @property
    def is_exact(self) -> bool:
        return True

    def build(self, input_shape: Any) -> None:
        shape = (self.num_components, input_shape[-1])
        self.means = self.add_weight(
            shape=shape, initializer=keras.initializers.RandomNormal(1.0), name="means"
        )
        self.log_variances = self.add_weight(shape=shape, initializer="zeros", name="log_variances")

    def densities(self, latent: Any) -> Any:
        """log N(z_d | k) for each row, component and dimension, shape (n, K, d)."""
        log_variances = ops.clip(ops.convert_to_tensor(self.log_variances), -8.0, 8.0)
        squared = ops.square(latent[:, None, :] - self.means) * ops.exp(-log_variances)
        return -0.5 * (squared + log_variances + math.log(2.0 * math.pi))

    def log_prob(
        self, latent: Any, components: Any = None, seed: Any = None, training: bool = False
    ) -> Any:
        joint = ops.sum(self.densities(latent), axis=-1)
        return ops.logsumexp(joint, axis=1) - math.log(self.num_components)

    def choose(self, num_samples: int, seed: Any) -> Any:
        """Components of so many draws."""
        uniform = random.uniform((num_samples,), seed)
        return ops.cast(ops.floor(uniform * self.num_components), "int32")

    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        chosen = self.choose(num_samples, seed)
        means = ops.take(ops.convert_to_tensor(self.means), chosen, axis=0)
        log_variances = ops.clip(ops.convert_to_tensor(self.log_variances), -8.0, 8.0)
        stddev = ops.exp(0.5 * ops.take(log_variances, chosen, axis=0))
        return means + stddev * random.normal(ops.shape(means), seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_components": self.num_components}
