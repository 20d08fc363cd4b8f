"""The standard normal prior."""

from __future__ import annotations

from typing import Any

from hiervae import random
from hiervae.distributions import DiagonalNormal
from hiervae.priors.base import Prior
from hiervae.types import Tensor


class StandardNormal(Prior):
    """p(z) = N(z | 0, I)."""

    @property
    def is_exact(self) -> bool:
        """True."""
        return True

    def distribution(self) -> DiagonalNormal:
        """N(0, I) with parameters of shape (1, prior_dim)."""
        return DiagonalNormal.standard(1, self.context.prior_dim)

    def log_prob(
        self,
        latent: Tensor,
        components: DiagonalNormal | None = None,
        seed: Any = None,
        training: bool = False,
    ) -> Tensor:
        """Log-density of `latent` (n, prior_dim) in nats, shape (n,)."""
        return self.distribution().log_prob(latent)

    def sample(
        self, num_samples: int, components: DiagonalNormal | None = None, seed: Any = None
    ) -> Tensor:
        """Draws, shape (num_samples, prior_dim)."""
        return random.normal((num_samples, self.context.prior_dim), seed)
