"""The terms of the objective and the bounds that are formed from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from keras import ops

from hiervae.distributions import kl_divergence
from hiervae.priors.base import Prior
from hiervae.types import InferencePass, Level, Tensor


@dataclass(frozen=True)
class Terms:
    """What an inference pass contributes, one number a sample and example, in nats.

    Attributes:
        log_likelihood: log p(x | z), shape (samples, batch).
        reconstruction_error: the constrained term C of -log p(x | z), shape (samples, batch).
        kl: by name, shape (samples, batch): `kl_1` ... `kl_L` where each level has one of its own,
            or one joint entry `kl_1_to_L` where the prior ties all levels together.
    """

    log_likelihood: Tensor
    reconstruction_error: Tensor
    kl: dict[str, Tensor]

    @property
    def total_kl(self) -> Tensor:
        """The sum over levels, shape (samples, batch)."""
        total, *rest = self.kl.values()
        for entry in rest:
            total = total + entry
        return total


def elbo(terms: Terms, beta: Tensor | float = 1.0) -> Tensor:
    """E[log p(x | z)] - beta * KL, averaged over samples: shape (batch,), nats."""
    return ops.mean(terms.log_likelihood - beta * terms.total_kl, axis=0)


def importance_weighted_bound(terms: Terms, beta: Tensor | float = 1.0) -> Tensor:
    """The bound log (1/K) sum_k w_k, shape (batch,), nats (Burda et al. 2016).

    The KL terms must be the Monte Carlo differences log q - log p; beta multiplies them inside
    log w_k.
    """
    log_weights = terms.log_likelihood - beta * terms.total_kl
    return ops.logsumexp(log_weights, axis=0) - math.log(log_weights.shape[0])


BOUNDS = {"elbo": elbo, "importance_weighted": importance_weighted_bound}


def kl_names(structure: str, num_levels: int, prior: Prior) -> tuple[str, ...]:
    """The names of the KL terms that a model of this composition has."""
    if structure == "flat" and num_levels > 1 and prior.distribution() is None:
        return (f"kl_1_to_{num_levels}",)
    return tuple(f"kl_{level}" for level in range(1, num_levels + 1))


def kl_terms(
    outcome: InferencePass,
    prior: Prior,
    structure: str,
    closed_form: bool,
    seed: object,
    training: bool,
) -> dict[str, Tensor]:
    """KL terms by name, each of shape (n,), nats.

    Args:
        outcome: the levels at which they are taken.
        prior: the density of the top, or of all levels of a flat structure.
        structure: "stacked" or "flat".
        closed_form: use closed forms where there are some; False takes log q - log p everywhere.
        seed: generator for a prior that estimates its density.
        training: whether the step that asks is a training step.
    """
    levels = outcome.levels
    governed = levels if structure == "flat" else levels[-1:]
    fixed = prior.distribution()
    entries: list[Tensor] = []
    if structure == "stacked":
        entries = [
            _divergence(level, level.conditional_prior, closed_form and level.top_down)
            for level in levels[:-1]
        ]
        if fixed is not None:
            entries.append(_divergence(levels[-1], fixed, closed_form))
    elif fixed is not None:
        blocks = fixed.split(tuple(level.latent.shape[-1] for level in levels))
        entries = [
            _divergence(level, block, closed_form)
            for level, block in zip(levels, blocks, strict=True)
        ]
    if fixed is None:
        log_posterior = sum(level.posterior.log_prob(level.latent) for level in governed)
        latent = join_latents([level.latent for level in governed])
        log_prior = prior.log_prob(latent, outcome.components, seed=seed, training=training)
        entries.append(log_posterior - log_prior)
    names = kl_names(structure, len(levels), prior)
    return dict(zip(names, entries, strict=True))


def join_latents(latents: list[Tensor]) -> Tensor:
    """Latents (n, d_l) joined along the last axis."""
    return latents[0] if len(latents) == 1 else ops.concatenate(latents, axis=-1)


def _divergence(level: Level, prior: Any, closed_form: bool) -> Tensor:
    exact = kl_divergence(level.posterior, prior) if closed_form else None
    if exact is not None:
        return exact
    return level.posterior.log_prob(level.latent) - prior.log_prob(level.latent)
