"""Whether a likelihood's reconstruction error is a term of -log p(x | z)."""

from __future__ import annotations

import math

import numpy as np

from hiervae.model import HierarchicalVAE
from hiervae.testing.check import Array
from hiervae.testing.likelihood_values import features
from hiervae.testing.perturbation import settings
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import generator, numpy, tensor

ROWS = 500
SAME_PARAMETERS = 3
TOLERANCE = 0.01
MANY_TIMES = 8
"""How many times larger an example has to be for the growth of its error to tell."""


def check_error(subject: Subject, model: HierarchicalVAE, larger: HierarchicalVAE) -> None:
    """Check that the error tells likely values from unlikely ones, in the unit of -log p(x | z).

    Whatever scores a density so that the true one scores best on average, as -log p(x | z) and the
    squared error from the mean do, is smaller on average for draws of p(x | z) than for the draws
    that belong to other z. Where the error is -log p(x | z) up to a factor and a term without x,
    the factor has to be 1; it shows as one slope for all parameters and weights. Of another error
    the unit is free, but it has to grow with the size of the event.

    Args:
        subject: the likelihood.
        model: a built model of two values an example.
        larger: one of more values, or of as many.
    """
    likelihood = model.likelihood
    inputs = features(model, ROWS)
    own, others, slopes = [], [], []
    for _ in settings(likelihood.trainable_variables):
        parameters = likelihood(tensor(inputs))
        draws = numpy(likelihood.sample(parameters, seed=generator()))
        error = likelihood.reconstruction_error
        own.append(numpy(error(tensor(draws), parameters)))
        others.append(numpy(error(tensor(np.roll(draws, 1, axis=0)), parameters)))
        for row in inputs[:SAME_PARAMETERS]:
            same = likelihood(tensor(np.repeat(row[None], ROWS, axis=0)))
            log_prob = numpy(likelihood.log_prob(tensor(draws), same))
            slopes.append(_slope(-log_prob, numpy(error(tensor(draws), same))))
    fix = "Return a term of -log p(x | z), or all of it: smallest where x is most probable."
    with subject.check("reconstruction_error", fix) as check:
        near, far = np.concatenate(own, dtype="float64"), np.concatenate(others, dtype="float64")
        is_constant = (near == near[0]).all() and (far == near[0]).all()
        check.require(not is_constant, f"the error {abs(near[0]):g} for all x and z", "a distance")
        check.require(
            far.mean() - near.mean() > 1e-4 * near.std(),
            f"a mean error of {near.mean():.4f} for draws of p(x | z), beside {far.mean():.4f} for "
            "draws that belong to other z",
            "a smaller error for the draws of p(x | z) itself",
        )
    fix = "Sum over the event's axes, in nats, without another factor."
    with subject.check("reconstruction_error", fix) as check:
        factor = slopes[0]
        is_one_factor = np.allclose(slopes, factor, rtol=TOLERANCE, atol=0.0)
        check.require(
            not is_one_factor or abs(factor - 1.0) <= TOLERANCE,
            f"an error that grows with x by {factor:.4g} times what -log p(x | z) does",
            "the same growth: the term of -log p(x | z) that depends on x",
        )
    growth = larger.num_dimensions / model.num_dimensions
    if not is_one_factor and growth >= MANY_TIMES:
        _check_growth(subject, model, larger, growth)


def _check_growth(
    subject: Subject, small: HierarchicalVAE, large: HierarchicalVAE, growth: float
) -> None:
    fix = "Sum over the event's axes; do not average."
    with subject.check("reconstruction_error", fix) as check:
        first, second = (float(_errors(model).mean()) for model in (small, large))
        check.require(
            second > math.sqrt(growth) * first,
            f"a mean error of {first:.4g} for {small.num_dimensions} values an example and of "
            f"{second:.4g} for {large.num_dimensions}",
            f"about {growth:g} times as much",
        )


def _errors(model: HierarchicalVAE) -> Array:
    parameters = model.likelihood(tensor(features(model)))
    draws = model.likelihood.sample(parameters, seed=generator())
    return numpy(model.likelihood.reconstruction_error(draws, parameters))


def _slope(surprisal: Array, error: Array) -> float:
    """The factor s of error = s * surprisal + constant, NaN where they are not so related."""
    if not np.isfinite(surprisal).all():
        return math.nan
    centred, deviation = (
        each.astype("float64") - each.mean(dtype="float64") for each in (surprisal, error)
    )
    slope = float((centred * deviation).mean() / max((centred**2).mean(), 1e-12))
    residual = np.abs(deviation - slope * centred).max()
    return slope if residual <= 1e-3 * np.ptp(error) else math.nan
