"""Whether a prior's density is one, and whether it is what the prior draws from."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiervae.model import HierarchicalVAE
from hiervae.testing.check import Array
from hiervae.testing.density import compare
from hiervae.testing.perturbation import AS_BUILT, settings
from hiervae.testing.prior_values import check_pseudo_inputs
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import generator, numpy, tensor

EXACT_DRAWS, ESTIMATED_DRAWS = 20_000, 4_000
CONCLUSIVE_SIZE = 200.0


def check_density(subject: Subject, model: HierarchicalVAE) -> None:
    """Check normalisation and draws in two dimensions, as built and with the weights moved.

    Where the weights are moved, the density may become too rough for the comparison to mean
    anything; that setting is then passed over.
    """
    prior = model.prior
    weights = list(prior.trainable_variables)
    if prior.pseudo_inputs is not None:
        weights += model.inference.trainable_variables
    draws = EXACT_DRAWS if prior.is_exact else ESTIMATED_DRAWS
    for setting in settings(weights):
        components = check_pseudo_inputs(subject, model)

        def log_prob(points: Array, components: Any = components) -> Array:
            return numpy(prior.log_prob(tensor(points), components, seed=generator(5)))

        sample = numpy(prior.sample(draws, components, seed=generator(6))).astype("float64")
        with np.errstate(over="ignore"):
            result = compare(log_prob, sample)
        conclusive = result.effective_size >= CONCLUSIVE_SIZE
        if setting != AS_BUILT and not conclusive:
            continue
        fix = "Normalise: log-sum-exp over components after summing over dimensions, minus log K."
        with subject.check("normalisation", fix) as check:
            check.require(
                result.is_normalized,
                f"{result.integral:.4f} +- {result.integral_error:.4f} as the integral of "
                f"exp(log_prob), {setting}",
                "1",
            )
        fix = "Draw in sample() from the density that log_prob() evaluates."
        with subject.check("sampling", fix) as check:
            check.require(
                result.agrees,
                f"{result.of_draws:.3f} as the mean of a test function over sample(), but "
                f"{result.of_density:.3f} +- {result.error:.3f} under exp(log_prob), {setting}",
                "the same",
            )
