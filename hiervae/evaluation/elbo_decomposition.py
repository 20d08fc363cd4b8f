"""The ELBO taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.distributions import DiagonalNormal
from hiervae.evaluation.kl_profile import closed_forms, kl_shares
from hiervae.evaluation.normals import (
    as_vectors,
    entropy,
    log_density,
    log_mixture_density,
    parameters,
)
from hiervae.evaluation.passes import (
    FloatArray,
    as_examples,
    as_float64,
    log_likelihoods,
    sampled_passes,
)
from hiervae.inference.passes import InferencePass
from hiervae.model.finite import require_finite
from hiervae.utils.validation import check_positive_int

if TYPE_CHECKING:
    from hiervae.model import HierarchicalVAE

_ROWS_PER_BLOCK = 256
_SCORES = ("reconstruction", "KL", "KL of z_L", "entropy of z_L")


@dataclass(frozen=True)
class ELBODecomposition:
    """The parts of the mean ELBO over a set of examples, in nats per example.

    With z the latent that the prior governs and q(z) = (1/N) sum_n q(z | x_n):

        elbo = reconstruction - conditional_kl - (cross_entropy - conditional_entropy)
        cross_entropy - conditional_entropy = mutual_information + marginal_kl

    Attributes:
        elbo: the sum of the parts, at beta = 1.
        reconstruction: E[log p(x | z)].
        conditional_kl: KL of the levels below the one the prior governs; 0 without such levels.
            In bottom-up inference E[log q - log p] at the sampled latents.
        conditional_entropy: mean entropy of the normal that z is drawn from: E_x[H(q(z | x))],
            except in a bottom-up hierarchy of several levels, where z = z_L is drawn given the
            sampled z_{L-1}: there it is E[H(q(z_L | z_{L-1}))], at most E_x[H(q(z_L | x))].
        cross_entropy: -E_{q(z)}[log p(z)].
        mutual_information: I(x; z) between the index of an example and z; at most log N. Like
            marginal_kl it is not negative, but its estimate may be, by its noise.
        marginal_kl: KL(q(z) || p(z)).
        estimated: names of the parts that are Monte Carlo estimates; the others are exact, given
            the sampled parents where a level has any.
        prior_is_exact: False where log p(z) itself is an estimate from below (as the bound of a
            hierarchical prior is): cross_entropy and marginal_kl are then biased upwards.
        given_example: True where z is drawn given x alone, False where a sampled level below comes
            between.
        num_examples: N.
        num_samples: posterior samples for each example.
    """

    elbo: float
    reconstruction: float
    conditional_kl: float
    conditional_entropy: float
    cross_entropy: float
    mutual_information: float
    marginal_kl: float
    estimated: tuple[str, ...]
    prior_is_exact: bool
    given_example: bool
    num_examples: int
    num_samples: int

    @property
    def posterior_entropy(self) -> float:
        """E_x[H(q(z | x))] (Tomczak & Welling 2018, Eq. 5).

        Raises:
            ValueError: if z is drawn given a sampled level below, so that q(z | x) is an integral
                whose entropy has no closed form.
        """
        if not self.given_example:
            raise ValueError(
                "posterior_entropy is the entropy of q(z | x), which is not known where z_L is "
                "drawn given the sampled level below, as in a bottom-up hierarchy. Use "
                "conditional_entropy, that of q(z_L | z_{L-1})."
            )
        return self.conditional_entropy


def elbo_decomposition(
    model: HierarchicalVAE, x: ArrayLike, num_samples: int = 1, seed: int = 0
) -> ELBODecomposition:
    """Take the mean ELBO apart (Hoffman & Johnson 2016; Tomczak & Welling 2018, Eqs. 4-6).

    Mutual information and marginal KL are those of the N examples given: q(z) is their mixture of
    posteriors, evaluated in full, which takes time and passes in proportion to N squared. Both
    grow with N until the examples overlap, so compare models on the same examples. Where q(z_L | .)
    is conditioned on a sampled level below instead of x alone (a bottom-up hierarchy), the
    mixture runs over those sampled parents, and the mutual information is the one between z_L and
    (x, z_{L-1}): an upper bound of the one between z_L and x.

    Args:
        model: a built model.
        x: examples, shape (n, *event_shape).
        num_samples: posterior samples for each example.
        seed: of the draws.

    Returns:
        The parts.

    Raises:
        ValueError: if `num_samples` is not a positive integer, or a posterior is not a diagonal
            normal.
        DataError: if `x` is empty or does not fit the model.
        NonFiniteLossError: if a part comes out NaN or infinite.
    """
    examples = model.examples("x", as_examples(x))
    count = check_positive_int("num_samples", num_samples)
    passes = []
    exact: list[bool] = []
    given_example = True
    for batches in sampled_passes(model, examples, count, seed):
        parts = []
        for batch, outcome in batches:
            _require_normals(outcome)
            exact = closed_forms(model, outcome.levels)
            num_governed = len(model.inference.governed(outcome.levels))
            below = outcome.levels[: len(outcome.levels) - num_governed]
            given_example = all(level.top_down for level in below)
            parts.append(_batch_parts(model, batch, outcome))
        scores, latents, means, log_variances = (
            np.concatenate(part) for part in zip(*parts, strict=True)
        )
        for name, part in zip(_SCORES, scores.T, strict=True):
            require_finite(f"The {name} of an example", part)
        information = _mutual_information(latents, means, log_variances)
        passes.append([*scores.mean(axis=0), information])
    reconstruction, total_kl, governed_kl, conditional_entropy, information = (
        float(value) for value in np.mean(passes, axis=0)
    )
    estimated = ["elbo", "reconstruction", "mutual_information", "marginal_kl"]
    if not exact[-1]:
        estimated.append("cross_entropy")
    num_governed = len(model.inference.governed(model.latent_dims))
    if not all(exact[: len(model.latent_dims) - num_governed]):
        estimated.append("conditional_kl")
    return ELBODecomposition(
        elbo=reconstruction - total_kl,
        reconstruction=reconstruction,
        conditional_kl=total_kl - governed_kl,
        conditional_entropy=conditional_entropy,
        cross_entropy=governed_kl + conditional_entropy,
        mutual_information=information,
        marginal_kl=governed_kl - information,
        estimated=tuple(estimated),
        prior_is_exact=bool(model.prior.is_exact),
        given_example=given_example,
        num_examples=len(examples),
        num_samples=count,
    )


def _require_normals(outcome: InferencePass) -> None:
    """Refuse posteriors whose density is known at their own draws alone."""
    if any(level.log_density is not None for level in outcome.levels):
        raise ValueError(
            "The posteriors of this model are not diagonal normals, as those of a flow are not; "
            "expected such, since the mixture of all posteriors is evaluated at every draw. Use "
            "kl_profile for the KL."
        )


def _batch_parts(
    model: HierarchicalVAE, batch: NDArray[Any], outcome: InferencePass
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Scores (n, 4), and latents, means and log-variances (n, prior_dim) of one batch.

    The scores are reconstruction, total KL, KL of the governed latent, and its entropy.
    """
    shares = [as_vectors(share).sum(axis=1) for share in kl_shares(model, outcome.levels)]
    governed = model.inference.governed(outcome.levels)
    num_conditioned = len(outcome.levels) - len(governed)
    scores = [
        log_likelihoods(model, batch, outcome),
        np.sum(shares, axis=0),
        np.sum(shares[num_conditioned:], axis=0),
        np.sum([entropy(level.posterior) for level in governed], axis=0),
    ]
    means, log_variances = zip(
        *(map(as_vectors, parameters(level.posterior)) for level in governed), strict=True
    )
    latents = [as_vectors(as_float64(level.latent)) for level in governed]
    return (
        np.stack(scores, axis=1),
        np.concatenate(latents, axis=1),
        np.concatenate(means, axis=1),
        np.concatenate(log_variances, axis=1),
    )


def _mutual_information(latents: FloatArray, means: FloatArray, log_variances: FloatArray) -> float:
    """Mean of log q(z | x) - log q(z) over draws z of the posteriors, all (N, d); nats."""
    differences = []
    for start in range(0, len(latents), _ROWS_PER_BLOCK):
        rows = slice(start, start + _ROWS_PER_BLOCK)
        own = log_density(latents[rows], DiagonalNormal(means[rows], log_variances[rows]))
        differences.append(own - log_mixture_density(latents[rows], means, log_variances))
    return float(np.concatenate(differences).mean())
