"""The variational hierarchical prior."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from hiervae import random, registry
from hiervae.distributions import DiagonalNormal
from hiervae.networks.base import Network, build_block
from hiervae.networks.normal_head import (
    DEFAULT_LOG_VARIANCE_BOUNDS,
    NEAR_STANDARD_NORMAL,
    NormalHead,
    standardize_log_variance_bounds,
)
from hiervae.priors.base import Prior
from hiervae.types import Config, Tensor
from hiervae.utils.validation import check_optional_positive_int, check_positive_int
from hiervae.utils.versioned import CheckedOption


class VariationalHierarchicalPrior(Prior):
    """p(z) = integral of p_Theta(z | zeta) N(zeta | 0, I), learned with a proposal q_Phi(zeta | z).

    The log-density is estimated with K importance samples (Klushyn et al. 2019, Eqs. 7-8):
    log p(z) >= E log (1/K) sum_k p_Theta(z | zeta_k) p(zeta_k) / q_Phi(zeta_k | z). The estimate of
    p(z) itself is unbiased for every K.

    Args:
        latent_dim: size of zeta; None takes the size of z.
        num_importance_samples: K in training.
        evaluation_importance_samples: K outside training; None takes the same.
        network: blocks of the generative and of the proposal network, a name, a config or a
            `Network`.
        log_variance_bounds: bounds of the log-variances of p_Theta and q_Phi.

    Raises:
        ValueError: if a number is not positive, or the bounds are not two increasing numbers.
    """

    live_options = ("num_importance_samples", "evaluation_importance_samples")
    num_importance_samples = CheckedOption(check_positive_int)
    evaluation_importance_samples = CheckedOption(check_optional_positive_int)

    def __init__(
        self,
        latent_dim: int | None = None,
        num_importance_samples: int = 16,
        evaluation_importance_samples: int | None = None,
        network: Any = "mlp",
        log_variance_bounds: tuple[float, float] = DEFAULT_LOG_VARIANCE_BOUNDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.latent_dim = check_optional_positive_int("latent_dim", latent_dim)
        self.num_importance_samples = num_importance_samples
        self.evaluation_importance_samples = evaluation_importance_samples
        self.network = registry.create("hiervae.networks", network, Network)
        self.log_variance_bounds = standardize_log_variance_bounds(log_variance_bounds)

    @property
    def is_exact(self) -> bool:
        """False: `log_prob` is an estimate, a lower bound in expectation."""
        return False

    def describe_estimate(self) -> Config:
        """K outside training, as `prior_samples`."""
        return {"prior_samples": self.evaluation_importance_samples or self.num_importance_samples}

    def build(self, input_shape: Any) -> None:
        """Create the generative and the proposal network for z of shape (n, prior_dim)."""
        dim = input_shape[-1]
        self._zeta_dim = self.latent_dim or dim
        bounds = self.log_variance_bounds
        self.generative_block = self.network.decoder_block(1, [(self._zeta_dim,)])
        self.generative_head = NormalHead(dim, bounds, NEAR_STANDARD_NORMAL, name="generative_head")
        self.proposal_block = self.network.encoder_block(1, [(dim,)])
        self.proposal_head = NormalHead(
            self._zeta_dim, bounds, NEAR_STANDARD_NORMAL, name="proposal_head"
        )
        features = build_block(self.generative_block, [(self._zeta_dim,)])
        self.generative_head.build((None, *features))
        features = build_block(self.proposal_block, [(dim,)])
        self.proposal_head.build((None, *features))

    def proposal(self, latent: Tensor, training: bool = False) -> DiagonalNormal:
        """q_Phi(zeta | z) for z of shape (n, prior_dim)."""
        return self.proposal_head.distribution(self.proposal_block(latent, training=training))

    def generative(self, zeta: Tensor, training: bool = False) -> DiagonalNormal:
        """p_Theta(z | zeta) for zeta of shape (n, latent_dim)."""
        return self.generative_head.distribution(self.generative_block(zeta, training=training))

    def log_prob(
        self,
        latent: Tensor,
        components: DiagonalNormal | None = None,
        seed: Any = None,
        training: bool = False,
    ) -> Tensor:
        """The importance-weighted bound on log p(z) in nats, shape (n,), for z (n, prior_dim)."""
        num_samples = self.num_importance_samples
        if not training and self.evaluation_importance_samples is not None:
            num_samples = self.evaluation_importance_samples
        proposal = self.proposal(latent, training).repeat(num_samples)
        zeta, log_proposal = proposal.sample_and_log_prob(seed)  # (K * n, latent_dim), (K * n,)
        log_prior = DiagonalNormal.standard(1, self._zeta_dim).log_prob(zeta)
        repeated = ops.tile(latent, (num_samples, 1)) if num_samples > 1 else latent
        log_generative = self.generative(zeta, training).log_prob(repeated)
        log_weights = ops.reshape(log_generative + log_prior - log_proposal, (num_samples, -1))
        return ops.logsumexp(log_weights, axis=0) - math.log(num_samples)

    def sample(
        self, num_samples: int, components: DiagonalNormal | None = None, seed: Any = None
    ) -> Tensor:
        """Ancestral draws of z (Klushyn et al. 2019, Eq. 13), shape (num_samples, prior_dim)."""
        zeta = random.normal((num_samples, self._zeta_dim), seed)
        return self.generative(zeta).sample(seed)

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "num_importance_samples": self.num_importance_samples,
            "evaluation_importance_samples": self.evaluation_importance_samples,
            "network": registry.describe("hiervae.networks", self.network),
            "log_variance_bounds": self.log_variance_bounds,
        }

    @classmethod
    def from_config(cls, config: Config) -> VariationalHierarchicalPrior:
        """Rebuild from `get_config()`."""
        if "network" in config:  # not of a subclass with its own options alone
            network = registry.restore("hiervae.networks", config["network"], Network)
            config = {**config, "network": network}
        return cls(**config)
