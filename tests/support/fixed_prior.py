"""A prior without weights: a normal, or the mixture of the posteriors of its pseudo-inputs."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.priors import Prior
from tests.support.models import tensor


@keras.saving.register_keras_serializable(package="tests")
class FixedPrior(Prior):
    """N(mean, variance), or where pseudo-inputs are given (1/K) sum_k q(z | u_k)."""

    def __init__(
        self, mean: Any = 0.0, variance: Any = 1.0, inputs: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.mean, self.variance, self.inputs = mean, variance, inputs

    @property
    def is_exact(self) -> bool:
        return True

    @property
    def pseudo_inputs(self) -> Any:
        return None if self.inputs is None else tensor(self.inputs)

    def normal(self) -> DiagonalNormal:
        size = (1, self.context.prior_dim)
        mean = ops.broadcast_to(tensor(self.mean), size)
        return DiagonalNormal(mean, ops.broadcast_to(ops.log(tensor(self.variance)), size))

    def distribution(self) -> DiagonalNormal | None:
        return self.normal() if self.inputs is None else None

    def log_prob(
        self, latent: Any, components: Any = None, seed: Any = None, training: bool = False
    ) -> Any:
        if components is None:
            return self.normal().log_prob(latent)
        each = components.log_prob(ops.expand_dims(latent, 1))
        return ops.logsumexp(each, axis=1) - math.log(each.shape[1])

    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        normal = self.normal()
        return DiagonalNormal(
            ops.tile(normal.mean, (num_samples, 1)), ops.tile(normal.log_variance, (num_samples, 1))
        ).sample(seed)

    def get_config(self) -> dict[str, Any]:
        own = {"mean": self.mean, "variance": self.variance, "inputs": self.inputs}
        return {**super().get_config(), **own}
