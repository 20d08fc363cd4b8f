"""Whether a likelihood's density is one, and whether it is what the likelihood draws from."""

from __future__ import annotations

import itertools

import numpy as np
from keras import ops

from hiervae.model import HierarchicalVAE
from hiervae.testing.check import Array, Check
from hiervae.testing.density import DEVIATIONS, compare
from hiervae.testing.likelihood_values import features
from hiervae.testing.perturbation import AS_BUILT, settings
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import generator, numpy, tensor

DRAWS = 20_000
CONCLUSIVE_SIZE = 200.0
MOST_LEVELS = 300
"""A likelihood whose draws take more values than this is taken for a continuous one."""

NORMALISE = "Normalise log_prob(), and sum it over the event's axes."
AGREE = "Draw in sample() from the density that log_prob() evaluates."


def check_density(subject: Subject, model: HierarchicalVAE) -> None:
    """Check normalisation, draws and mean for two values an example.

    Weights are taken as built and moved; where that makes the density too rough for the comparison
    to mean anything, the setting is passed over.
    """
    likelihood, shape = model.likelihood, model.event_shape or ()
    row = features(model, 1)
    for setting in settings(likelihood.trainable_variables):

        def log_prob(values: Array) -> Array:
            parameters = likelihood(ops.repeat(tensor(row), len(values), axis=0))
            return numpy(likelihood.log_prob(tensor(values.reshape(-1, *shape)), parameters))

        parameters = likelihood(ops.repeat(tensor(row), DRAWS, axis=0))
        draws = numpy(likelihood.sample(parameters, seed=generator())).reshape(DRAWS, -1)
        levels, counts = np.unique(draws, return_counts=True)
        if len(levels) <= MOST_LEVELS:
            singles = float((counts == 1).sum()) / DRAWS
            _check_discrete(subject, draws, levels, np.exp(log_prob(_pairs(levels))), singles)
        else:
            with np.errstate(over="ignore"):
                result = compare(log_prob, draws.astype("float64"), likelihood.value_range)
            if setting != AS_BUILT and result.effective_size < CONCLUSIVE_SIZE:
                continue
            with subject.check("normalisation", NORMALISE) as check:
                check.require(
                    result.is_normalized,
                    f"{result.integral:.4f} +- {result.integral_error:.4f} as the integral of "
                    f"exp(log_prob), {setting}",
                    "1",
                )
            with subject.check("sampling", AGREE) as check:
                check.require(
                    result.agrees,
                    f"{result.of_draws:.3f} as the mean of a test function over sample(), but "
                    f"{result.of_density:.3f} +- {result.error:.3f} under exp(log_prob), {setting}",
                    "the same",
                )
        if not likelihood.mean_is_exact:
            continue
        with subject.check(
            "moments", "Return from mean() the mean of what sample() draws."
        ) as check:
            mean = numpy(likelihood.mean(likelihood(tensor(row)))).reshape(-1)
            _check_mean(check, draws, mean)


def _pairs(levels: Array) -> Array:
    return np.array(list(itertools.product(levels, levels)), dtype="float32")


def _check_discrete(
    subject: Subject, draws: Array, levels: Array, probabilities: Array, unseen: float
) -> None:
    """Check the probabilities of all pairs of levels that were drawn.

    The share of levels that were drawn once estimates the probability of those never drawn
    (Good-Turing).
    """
    total = float(probabilities.sum())
    with subject.check("normalisation", NORMALISE) as check:
        check.require(
            1.0 - 2.0 * unseen - 0.01 <= total <= 1.001,
            f"{total:.4f} as the sum of exp(log_prob) over the {len(levels)} values drawn",
            "1",
        )
    with subject.check("sampling", AGREE) as check:
        marginal = probabilities.reshape(len(levels), -1).sum(axis=1)
        shares = np.array([(draws[:, 0] == level).mean() for level in levels])
        error = DEVIATIONS * np.sqrt(marginal * (1.0 - marginal) / len(draws)) + 1.0 / len(draws)
        worst = int((np.abs(shares - marginal) / error).argmax())
        check.require(
            abs(shares[worst] - marginal[worst]) <= error[worst] + 2.0 * unseen,
            f"{shares[worst]:.4f} of the draws at the value {levels[worst]:g}, which has the "
            f"probability {marginal[worst]:.4f}",
            "the same",
        )


def _check_mean(check: Check, draws: Array, mean: Array) -> None:
    error = DEVIATIONS * draws.std(axis=0) / np.sqrt(len(draws)) + 1e-4
    difference = np.abs(draws.mean(axis=0) - mean)
    worst = int((difference / error).argmax())
    check.require(
        difference[worst] <= error[worst],
        f"a mean of {mean[worst]:.4f} beside draws with the mean {draws.mean(axis=0)[worst]:.4f}",
        "the same",
    )
