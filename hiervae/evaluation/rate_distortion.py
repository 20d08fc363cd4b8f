"""How much a model says of the data, and how well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hiervae.evaluation.kl_profile import kl_shares
from hiervae.evaluation.passes import (
    as_examples,
    log_likelihoods,
    sampled_passes,
)
from hiervae.model.finite import require_finite
from hiervae.priors.base import fixed_normal
from hiervae.utils.validation import check_positive_int

if TYPE_CHECKING:
    from hiervae.model import HierarchicalVAE


@dataclass(frozen=True)
class RateDistortion:
    """Where a model lies in the plane of rate and distortion, in nats per example.

    Attributes:
        rate: R, the KL of all levels.
        distortion: D = -E[log p(x | z)].
        level_rates: the KL terms that R is the sum of, named "kl_1" ... "kl_L", or "kl_1_to_L"
            where the prior ties all levels together.
    """

    rate: float
    distortion: float
    level_rates: dict[str, float]

    @property
    def elbo(self) -> float:
        """The evidence lower bound at beta = 1, -(R + D)."""
        return -(self.rate + self.distortion)


def rate_distortion(
    model: HierarchicalVAE, x: ArrayLike, num_samples: int = 1, seed: int = 0
) -> RateDistortion:
    """Measure rate and distortion (Alemi et al. 2018, Fixing a broken ELBO).

    Models of one ELBO may lie anywhere on a line R + D = const: one that ignores its latents has
    R = 0, one that copies the data a large R. Models trained at several constant beta draw a curve.

    Args:
        model: a built model.
        x: examples, shape (n, *event_shape).
        num_samples: posterior samples for each example.
        seed: of the draws.

    Returns:
        Means over examples and samples.

    Raises:
        ValueError: if `num_samples` is not a positive integer.
        DataError: if `x` is empty or does not fit the model.
        NonFiniteLossError: if rate or distortion comes out NaN or infinite.
    """
    examples = model.examples("x", as_examples(x))
    check_positive_int("num_samples", num_samples)
    is_joint = fixed_normal(model.prior) is None
    names = model.inference.kl_names(len(model.latent_dims), is_joint)
    rates = dict.fromkeys(names, 0.0)
    distortion = 0.0
    for batches in sampled_passes(model, examples, num_samples, seed):
        for batch, outcome in batches:
            distortion -= float(log_likelihoods(model, batch, outcome).sum())
            for name, share in zip(names, kl_shares(model, outcome.levels), strict=True):
                rates[name] += float(np.sum(share))
    count = num_samples * len(examples)
    level_rates = {name: rate / count for name, rate in rates.items()}
    require_finite("The rate or the distortion", [*level_rates.values(), distortion])
    return RateDistortion(sum(level_rates.values()), distortion / count, level_rates)
