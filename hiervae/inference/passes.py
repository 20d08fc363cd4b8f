"""What an inference scheme hands to the model: levels, and passes up and down the hierarchy."""

from __future__ import annotations

from dataclasses import dataclass

from hiervae.distributions import DiagonalNormal
from hiervae.types import Tensor


@dataclass(frozen=True)
class Level:
    """One stochastic level of an inference pass.

    Attributes:
        latent: z_l, shape (n, *latent_shape) with n = samples * batch, sample-major.
        posterior: q(z_l | ...), its parameters of shape (n, *latent_shape); where `log_density` is
            given, the normal whose draw was transformed into z_l.
        conditional_prior: p(z_l | z_{l+1}, ...), or None where the model's prior governs the level.
        top_down: whether the level was drawn after the latents that condition its prior. Only then
            does KL(q_l || p_l) given them have a closed form; in bottom-up inference z_{l+1}
            depends on z_l, and the closed form would no longer bound log p(x).
        log_density: log q(z_l | ...) of this very z_l in nats, (n,), where q is no diagonal normal,
            such as a normalising flow of one; None, the default, leaves it to `posterior`.
    """

    latent: Tensor
    posterior: DiagonalNormal
    conditional_prior: DiagonalNormal | None = None
    top_down: bool = False
    log_density: Tensor | None = None

    def log_posterior(self) -> Tensor:
        """Return log q(z_l | ...) of the latent in nats, shape (n,)."""
        if self.log_density is not None:
            return self.log_density
        return self.posterior.log_prob(self.latent)


@dataclass(frozen=True)
class InferencePass:
    """What an inference scheme returns for a batch.

    Attributes:
        levels: z_1 ... z_L, nearest the data first.
        features: the decoder's output at these latents, input of the likelihood; leading axis n.
        components: posteriors q(z | u_k) of the prior's pseudo-inputs, parameters of shape
            (K, prior_dim), or None when no pseudo-inputs were given.
    """

    levels: tuple[Level, ...]
    features: Tensor
    components: DiagonalNormal | None = None


@dataclass(frozen=True)
class GenerativePass:
    """What an inference scheme returns when it generates from the top.

    Attributes:
        latents: z_1 ... z_L, each (n, *latent_shape).
        features: the decoder's output at these latents; leading axis n.
    """

    latents: tuple[Tensor, ...]
    features: Tensor
