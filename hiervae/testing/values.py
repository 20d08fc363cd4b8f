"""Whether draws of a likelihood come from its density, for one or two values an example."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from hiervae.errors import DataError
from hiervae.model import HierarchicalVAE
from hiervae.testing.behaviour import check_tails
from hiervae.testing.check import Array, Check
from hiervae.testing.density import DEVIATIONS, check_comparison, compare
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import AS_BUILT, features, generator, numpy, settings, tensor

DRAWS = 20_000
MOST_LEVELS = 300
"""A likelihood whose draws take more values than this is taken for a continuous one."""

NORMALISE = "Normalise log_prob(), and sum it over the event's axes."
AGREE = "Look at sample() first: let it draw from the density that log_prob() evaluates."


def check_density(subject: Subject, model: HierarchicalVAE, moved: bool = True) -> None:
    """Check normalisation, draws and mean for one or two values an example.

    Weights are taken as built and `moved`; where that makes the density too rough for the
    comparison to mean anything, the setting is passed over.
    """
    likelihood, shape = model.likelihood, model.event_shape or ()
    low, high = likelihood.value_range
    everywhere = low is None and high is None
    row = features(model, 1)
    for setting in settings(likelihood.trainable_variables if moved else []):

        def log_prob(values: Array) -> Array:
            parameters = likelihood(ops.repeat(tensor(row), len(values), axis=0))
            return numpy(likelihood.log_prob(tensor(values.reshape(-1, *shape)), parameters))

        parameters = likelihood(ops.repeat(tensor(row), DRAWS, axis=0))
        draws = numpy(likelihood.sample(parameters, seed=generator())).reshape(DRAWS, -1)
        levels, counts = np.unique(draws, return_counts=True)
        if len(levels) <= MOST_LEVELS:
            singles = float((counts == 1).sum()) / DRAWS
            every = _all_examples(levels, draws.shape[1])
            _check_discrete(subject, draws, levels, np.exp(log_prob(every)), singles)
            if setting == AS_BUILT and not likelihood.scores_between_values:
                _check_support(subject, likelihood, shape, levels, log_prob)
        else:
            score: Callable[[Array], Array] = log_prob
            values, ends = draws.astype("float64"), (low, high)
            if (draws == np.round(draws)).all():
                score, values, ends = _spread_out(log_prob, values, ends)
            with np.errstate(over="ignore"):
                result = compare(score, values, ends)
                density = score if everywhere else None
                if not check_comparison(subject, result, setting, NORMALISE, AGREE, density):
                    continue
        if setting == AS_BUILT:
            check_tails(subject, log_prob, draws, (low, high))
        if not likelihood.mean_is_exact:
            continue
        with subject.check(
            "moments", "Return from mean() the mean of what sample() draws."
        ) as check:
            mean = numpy(likelihood.mean(likelihood(tensor(row)))).reshape(-1)
            _check_mean(check, draws, mean)


def _check_support(
    subject: Subject,
    likelihood: Any,
    shape: tuple[int, ...],
    levels: Array,
    log_prob: Callable[[Array], Array],
) -> None:
    """Check a value between two neighbours that are drawn."""
    gaps = np.diff(levels)
    if not gaps.size:
        return
    index = int(gaps.argmin())
    below, above = float(levels[index]), float(levels[index + 1])
    between = np.array([0.5 * (below + above), below, above], dtype="float32")
    rows = np.full((3, math.prod(shape)), below, dtype="float32")
    rows[:, 0] = between
    fix = (
        "Give values between those that sample() draws the log-probability minus infinity, and "
        "refuse them with a DataError in check_values()."
    )
    with subject.check("support", fix) as check:
        middle, *ends = log_prob(rows)
        what = f"a log_prob of {middle:.4f} at {between[0]:g}, between {below:g} and {above:g}"
        expected = "minus infinity, or the log_prob of one of the two"
        belongs = any(abs(middle - end) <= 1e-4 * (1.0 + abs(end)) for end in ends)
        check.require(middle == -np.inf or belongs, what, expected)
        if middle == -np.inf:
            try:
                likelihood.check_values(rows[:1].reshape(1, *shape))
            except DataError:
                return
            check.require(False, f"no DataError for the value {between[0]:g}", "a DataError")


def _spread_out(
    log_prob: Callable[[Array], Array], draws: Array, ends: tuple[float | None, float | None]
) -> tuple[Callable[[Array], Array], Array, tuple[float | None, float | None]]:
    """The density, draws and ends of whole numbers plus uniform noise from -1/2 to 1/2.

    Many levels are compared so, since a point between two whole numbers has no probability.
    """
    noise = np.random.default_rng(7).uniform(-0.5, 0.5, draws.shape)
    low, high = ends
    wider = None if low is None else low - 0.5, None if high is None else high + 0.5

    def score(points: Array) -> Array:
        inner = np.clip(np.round(points), low, high) if ends != (None, None) else np.round(points)
        return log_prob(inner.astype("float32"))

    return score, draws + noise, wider


def _all_examples(levels: Array, size: int) -> Array:
    return np.array(list(itertools.product(levels, repeat=size)), dtype="float32")


def _check_discrete(
    subject: Subject, draws: Array, levels: Array, probabilities: Array, unseen: float
) -> None:
    """Check the probabilities of all examples made of levels that were drawn.

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
