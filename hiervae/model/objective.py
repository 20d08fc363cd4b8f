"""The terms of the objective and the bounds that are formed from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from keras import ops

from hiervae.distributions import kl_divergence
from hiervae.inference.base import InferenceScheme
from hiervae.inference.passes import InferencePass, Level
from hiervae.model.part_results import check_rows
from hiervae.priors.base import Prior, fixed_normal, has_training_density
from hiervae.types import Config, Tensor
from hiervae.utils.validation import check_choice, check_number_between, check_positive_int


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


def importance_weighted_bound(
    terms: Terms, beta: Tensor | float = 1.0, num_averaged: int = 1
) -> Tensor:
    """The bound log (1/K) sum_k w_k, shape (batch,), nats (Burda et al. 2016).

    The KL terms must be the Monte Carlo differences log q - log p; beta multiplies them inside
    log w_k.

    Args:
        terms: with `num_averaged` * K samples.
        beta: weight of the KL.
        num_averaged: independent draws of the bound, each from K samples, that are averaged.
    """
    log_weights = terms.log_likelihood - beta * terms.total_kl
    num_weights = log_weights.shape[0] // num_averaged
    grouped = ops.reshape(log_weights, (num_averaged, num_weights, -1))
    return ops.mean(ops.logsumexp(grouped, axis=1), axis=0) - math.log(num_weights)


@dataclass(frozen=True)
class Evaluation:
    """What the objective says of a batch, all scalars in nats.

    Attributes:
        loss: the negative bound at the beta of the step.
        means: batch means by metric name: `elbo` (at beta = 1), `reconstruction`, `kl`, each term
            of the KL, and `constraint`, the reconstruction error.
    """

    loss: Tensor
    means: dict[str, Tensor]


@dataclass(frozen=True)
class Objective:
    """What a model is trained on and evaluated by.

    Attributes:
        bound: "elbo" or "importance_weighted".
        num_samples: posterior samples S of the ELBO, importance samples K of the other bound.
        monte_carlo_samples: draws of the importance-weighted bound that are averaged.
        kl: "closed_form" where there is one, or "monte_carlo" everywhere.
        free_bits: nats below which a KL term, averaged over the batch, is not pressed in training
            (Kingma et al. 2016, Eq. 15, one group a level).

    Raises:
        ValueError: if a number or choice is wrong, or two of them do not go together.
    """

    bound: str = "elbo"
    num_samples: int = 1
    monte_carlo_samples: int = 1
    kl: str = "closed_form"
    free_bits: float = 0.0

    def __post_init__(self) -> None:
        check_choice("bound", self.bound, ("elbo", "importance_weighted"))
        check_choice("kl", self.kl, ("closed_form", "monte_carlo"))
        check_positive_int("num_samples", self.num_samples)
        check_positive_int("monte_carlo_samples", self.monte_carlo_samples)
        check_number_between("free_bits", self.free_bits, 0.0, 1e30)
        if self.bound == "elbo" and self.monte_carlo_samples > 1:
            raise ValueError(
                f"monte_carlo_samples={self.monte_carlo_samples} beside bound='elbo': expected 1, "
                "since the ELBO is averaged over num_samples already. Raise num_samples, or choose "
                "bound='importance_weighted'."
            )
        if self.bound == "importance_weighted" and self.free_bits:
            raise ValueError(
                f"free_bits={self.free_bits} beside bound='importance_weighted': expected 0, since "
                "that bound has no KL terms of its own. Choose bound='elbo'."
            )

    @property
    def total_samples(self) -> int:
        """Posterior samples a pass."""
        return self.num_samples * self.monte_carlo_samples

    @property
    def closed_form(self) -> bool:
        """Whether KL terms are taken in closed form where they have one."""
        return self.kl == "closed_form" and self.bound == "elbo"

    def evaluate(
        self,
        terms: Terms,
        average: Callable[..., Sequence[Tensor]],
        govern: Callable[[Tensor, Tensor], Tensor | float],
        training: bool,
    ) -> Evaluation:
        """All that is to be known of a batch.

        Args:
            terms: of the batch.
            average: from some arrays (batch,) to their means over the batch.
            govern: from the batch means of reconstruction error and KL, nats, to the beta of this
                step.
            training: whether free bits apply.
        """
        *by_level, kl, error, log_likelihood = average(
            *(ops.mean(entry, axis=0) for entry in terms.kl.values()),
            ops.mean(terms.total_kl, axis=0),
            ops.mean(terms.reconstruction_error, axis=0),
            ops.mean(terms.log_likelihood, axis=0),
        )
        kl_by_name = dict(zip(terms.kl, by_level, strict=True))
        reconstruction = -log_likelihood
        beta = govern(error, kl)
        if training and self.free_bits:
            pressed = (ops.maximum(entry, self.free_bits) for entry in by_level)
            loss = reconstruction + beta * sum(pressed)
            (bound,) = average(elbo(terms))
        else:
            if self.bound == "elbo":
                objective = elbo(terms, beta)
            else:
                objective = importance_weighted_bound(terms, beta, self.monte_carlo_samples)
            mean, bound = average(objective, elbo(terms))
            loss = -mean
        means = {
            "elbo": bound,
            "reconstruction": reconstruction,
            "kl": kl,
            **kl_by_name,
            "constraint": error,
        }
        return Evaluation(loss, means)

    def get_config(self) -> Config:
        """The attributes."""
        return asdict(self)


def kl_terms(
    outcome: InferencePass,
    scheme: InferenceScheme,
    prior: Prior,
    closed_form: bool,
    seed: object,
    training: bool,
    inputs: Tensor | None = None,
) -> dict[str, Tensor]:
    """KL terms by name, each of shape (n,), nats.

    Args:
        outcome: the levels at which they are taken.
        scheme: the inference scheme that they come from.
        prior: the density of the levels that no other level conditions.
        closed_form: use closed forms where there are some; False takes log q - log p everywhere.
        seed: generator for a prior that estimates its density.
        training: whether the step that asks is a training step.
        inputs: in a training step, the example of each row, shape (n, *event_shape).

    Raises:
        IncompatiblePluginError: if a part returned what is not one number a row.
    """
    levels = outcome.levels
    governed = scheme.governed(levels)
    num_rows = levels[0].latent.shape[0]
    entries = [
        _divergence(level, level.conditional_prior, closed_form and level.top_down)
        for level in levels[: len(levels) - len(governed)]
    ]
    fixed = fixed_normal(prior)
    if fixed is None:
        log_posterior = sum(level.log_posterior() for level in governed)
        latent = scheme.join_latents([level.latent for level in levels])
        method = "log_prob"
        if training and inputs is not None and has_training_density(prior):
            method = "log_prob_in_training"
            encode = partial(scheme.encode_components, seed=seed)
            log_prior = prior.log_prob_in_training(
                latent, inputs, encode, outcome.components, seed=seed
            )
        else:
            log_prior = prior.log_prob(latent, outcome.components, seed=seed, training=training)
        check_rows(f"{type(prior).__name__}.{method}", log_prior, num_rows)
        entries.append(log_posterior - log_prior)
    else:
        entries += [
            _divergence(level, marginal, closed_form)
            for level, marginal in zip(governed, scheme.split_normal(fixed), strict=True)
        ]
    for number, level in enumerate(levels, start=1):
        if level.log_density is not None:
            what = f"log_density of level {number} of {type(scheme).__name__}.infer"
            check_rows(what, level.log_density, num_rows)
    names = scheme.kl_names(len(levels), joint=fixed is None)
    return dict(zip(names, entries, strict=True))


def _divergence(level: Level, prior: Any, closed_form: bool) -> Tensor:
    is_normal = level.log_density is None
    exact = kl_divergence(level.posterior, prior) if closed_form and is_normal else None
    if exact is not None:
        return exact
    return level.log_posterior() - prior.log_prob(level.latent)
