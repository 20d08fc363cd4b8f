"""Where in the hierarchy the KL divergence is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hiervae.distributions import DiagonalNormal
from hiervae.evaluation.normals import kl_per_unit, log_density, log_density_per_unit
from hiervae.evaluation.passes import (
    FloatArray,
    as_examples,
    as_float64,
    sampled_passes,
)
from hiervae.inference.passes import Level
from hiervae.model.finite import require_finite
from hiervae.priors.base import fixed_normal
from hiervae.utils.validation import check_positive_int

if TYPE_CHECKING:
    from hiervae.model import HierarchicalVAE


@dataclass(frozen=True, eq=False)
class KLTerm:
    """One KL term, a mean over examples and samples.

    Attributes:
        name: "kl_1" ... "kl_L", as in the training logs, or "kl_1_to_L" where the prior ties all
            levels together.
        value: nats per example.
        per_unit: share of each latent unit, shape latent_shape, nats; None where prior or posterior
            are no products over units, so that the term has no shares.
        is_estimate: whether the term is the Monte Carlo difference log q - log p, which may come
            out negative; otherwise it is the closed form given the sampled parents. In bottom-up
            inference the parents of a level's prior are drawn after the level itself, and only
            the difference is right.
        prior_is_exact: False where log p itself is estimated; the term is then biased upwards.
    """

    name: str
    value: float
    per_unit: FloatArray | None
    is_estimate: bool
    prior_is_exact: bool


@dataclass(frozen=True, eq=False)
class KLProfile:
    """The KL terms of a model, from z_1 (nearest the data) to z_L.

    Attributes:
        terms: one for each level, or a single joint one.
    """

    terms: tuple[KLTerm, ...]

    @property
    def total(self) -> float:
        """The sum of all terms, nats per example."""
        return sum(term.value for term in self.terms)


def kl_profile(
    model: HierarchicalVAE, x: ArrayLike, num_samples: int = 1, seed: int = 0
) -> KLProfile:
    """Measure the KL of each level and unit (Sønderby et al. 2016, Figures 4 and 5).

    Args:
        model: a built model.
        x: examples, shape (n, *event_shape).
        num_samples: posterior samples for each example.
        seed: of the draws.

    Returns:
        The terms, in nats per example.

    Raises:
        ValueError: if `num_samples` is not a positive integer.
        DataError: if `x` is empty or does not fit the model.
        NonFiniteLossError: if a term comes out NaN or infinite.
    """
    examples = model.examples("x", as_examples(x), require_support=False)
    check_positive_int("num_samples", num_samples)
    is_joint = fixed_normal(model.prior) is None
    names = model.inference.kl_names(len(model.latent_dims), is_joint)
    sums: dict[str, FloatArray] = {}
    exact: list[bool] = []
    are_normal = True
    for batches in sampled_passes(model, examples, num_samples, seed):
        for _, outcome in batches:
            exact = closed_forms(model, outcome.levels)
            are_normal = all(level.log_density is None for level in outcome.levels)
            for name, share in zip(names, kl_shares(model, outcome.levels), strict=True):
                sums[name] = sums.get(name, np.zeros(())) + share.sum(axis=0)
    joint = names[-1] if is_joint else None
    terms = []
    for (name, total), is_exact in zip(sums.items(), exact, strict=True):
        mean = total / (num_samples * len(examples))
        require_finite(name, mean)
        terms.append(
            KLTerm(
                name=name,
                value=float(mean.sum()),
                per_unit=mean if are_normal and name != joint else None,
                is_estimate=not is_exact,
                prior_is_exact=name != joint or model.prior.is_exact,
            )
        )
    return KLProfile(tuple(terms))


def closed_forms(model: HierarchicalVAE, levels: Sequence[Level]) -> list[bool]:
    """Whether each term of `kl_shares` is a closed form given the sampled parents."""
    conditional = [
        level.top_down and level.log_density is None
        for level in levels
        if level.conditional_prior is not None
    ]
    if fixed_normal(model.prior) is None:
        return [*conditional, False]
    return conditional + [level.log_density is None for level in levels[len(conditional) :]]


def kl_shares(model: HierarchicalVAE, levels: Sequence[Level]) -> list[FloatArray]:
    """The KL terms of a pass of NumPy arrays, in the order of `kl_names`.

    Args:
        model: a built model.
        levels: z_1 ... z_L with n rows each.

    Returns:
        An array (n, *latent_shape) for each term that splits into units, (n, 1) for one that does
        not, as where the posterior is not a diagonal normal.
    """
    governed = model.inference.governed(levels)
    shares = [
        _conditional_share(level, level.conditional_prior)
        for level in levels
        if level.conditional_prior is not None
    ]
    fixed = fixed_normal(model.prior)
    if fixed is None:
        log_posterior = sum(_log_posterior(level) for level in governed)
        latent = model.governed_latent([np.asarray(level.latent) for level in levels])
        return [*shares, (log_posterior - as_float64(model.prior_log_prob(latent)))[:, None]]
    marginals = model.inference.split_normal(fixed)
    return shares + [
        kl_per_unit(level.posterior, marginal)
        if level.log_density is None
        else _difference(level, marginal)
        for level, marginal in zip(governed, marginals, strict=True)
    ]


def _conditional_share(level: Level, prior: DiagonalNormal) -> FloatArray:
    """KL of each unit against a conditional prior, or the Monte Carlo difference."""
    if level.log_density is not None:
        return _difference(level, prior)
    if level.top_down:
        return kl_per_unit(level.posterior, prior)
    log_posterior = log_density_per_unit(level.latent, level.posterior)
    return log_posterior - log_density_per_unit(level.latent, prior)


def _log_posterior(level: Level) -> FloatArray:
    """Log q(z_l | ...) of a level's latents, (n,), nats."""
    if level.log_density is not None:
        return as_float64(level.log_density)
    return log_density(level.latent, level.posterior)


def _difference(level: Level, prior: DiagonalNormal) -> FloatArray:
    """Log q - log p of a level's latents, (n, 1), nats."""
    difference: FloatArray = _log_posterior(level) - log_density(level.latent, prior)
    return difference[:, None]
