"""Whether draws come from a given density, by importance sampling from a heavy-tailed proposal."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import nnls

from hiervae.testing.check import Array, Check
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import AS_BUILT

FREQUENCIES = (0.5, 1.0, 2.0, 4.0)
DEVIATIONS = 6.0
SLACK = 0.01
CONCLUSIVE_SIZE = 200.0
NARROWER, NARROWER_SLACK, FEWEST_DRAWS = 0.6, 0.05, 50.0

SUM_WEIGHT = 100.0
"""How strongly proportions are held to sum to 1, beside means of test functions."""

SCALES = (0.5, 2.0, 8.0)
BROAD_POINTS = 40_000
CERTAIN = 0.03
"""The standard error up to which an integral about zero counts."""


@dataclass(frozen=True)
class Comparison:
    """How draws and a density compare.

    Attributes:
        dim: how many dimensions.
        integral: the estimated integral of the density.
        integral_error: its standard error.
        effective_size: effective number of importance samples.
        of_draws: at the test function that differs most, its mean over the draws.
        of_density: its integral under the density.
        error: standard error of the difference.
    """

    dim: int
    integral: float
    integral_error: float
    effective_size: float
    of_draws: float
    of_density: float
    error: float

    @property
    def is_normalized(self) -> bool:
        """Whether the integral is 1 as far as the sampling error tells."""
        return abs(self.integral - 1.0) <= DEVIATIONS * self.integral_error + SLACK

    @property
    def agrees(self) -> bool:
        """Whether draws and density agree as far as the sampling error tells."""
        return abs(self.of_draws - self.of_density) <= DEVIATIONS * self.error + SLACK


def compare(
    log_prob: Callable[[Array], Array],
    draws: Array,
    value_range: tuple[float | None, float | None] = (None, None),
    num_points: int | None = None,
) -> Comparison:
    """Compare draws (n, d) with a density, d = 1 or 2.

    Points from independent Cauchy distributions about the draws, weighted with the density, give
    its integral and those of bounded test functions (parts of the characteristic function). An
    estimate of the density whose expectation is right serves as well as the density.

    Args:
        log_prob: from points (m, d), float32, to log-densities (m,), nats.
        draws: what is to be distributed as the density says.
        value_range: where the density lives.
        num_points: how many points; as many as draws by default.
    """
    count, dim = draws.shape
    low, center, high = np.quantile(draws, (0.16, 0.5, 0.84), axis=0)
    scale = np.maximum((high - low) / 2.0, 1e-3 * (1.0 + np.abs(center)))
    uniform = np.random.default_rng(1).random((num_points or count, dim))
    points = (center + scale * np.tan(np.pi * (uniform - 0.5))).astype("float32")
    standardized = (points.astype("float64") - center) / scale
    log_proposal = -np.log(np.pi * scale * (1.0 + standardized**2)).sum(axis=1)
    inside = np.clip(points, *value_range)
    density = np.exp(log_prob(inside).astype("float64") - log_proposal)
    weights = np.where((inside == points).all(axis=1), density, 0.0)
    squares = np.square(weights).sum()
    worst, gap = (0.0, 0.0, 0.0), -1.0
    for function in _test_functions(dim):
        of_draws = function((draws - center) / scale)
        of_points = weights * function(standardized)
        error = np.hypot(_standard_error(of_draws), _standard_error(of_points))
        difference = abs(of_draws.mean() - of_points.mean())
        if difference / (DEVIATIONS * error + SLACK) > gap:
            gap = difference / (DEVIATIONS * error + SLACK)
            worst = (float(of_draws.mean()), float(of_points.mean()), float(error))
    return Comparison(
        dim,
        float(weights.mean()),
        _standard_error(weights),
        float(weights.sum() ** 2 / squares) if squares > 0.0 else 0.0,
        *worst,
    )


def integral_about_zero(log_prob: Callable[[Array], Array], dim: int) -> tuple[float, float]:
    """Estimate the integral of a density from points about zero, whatever its draws are.

    Args:
        log_prob: from points (m, d), float32, to log-densities (m,), nats.
        dim: d.

    Returns:
        The integral, and its standard error.
    """
    generator = np.random.default_rng(2)
    scales = generator.choice(SCALES, size=(BROAD_POINTS, 1))
    uniform = generator.random((BROAD_POINTS, dim))
    points = (scales * np.tan(np.pi * (uniform - 0.5))).astype("float32")
    densities = [
        (1.0 / (np.pi * scale * (1.0 + (points.astype("float64") / scale) ** 2))).prod(axis=1)
        for scale in SCALES
    ]
    weights = np.exp(log_prob(points).astype("float64")) / np.mean(densities, axis=0)
    return float(weights.mean()), _standard_error(weights)


def check_comparison(
    subject: Subject,
    result: Comparison,
    setting: str,
    normalise: str,
    agree: str,
    log_prob: Callable[[Array], Array] | None = None,
) -> bool:
    """Check that a density integrates to 1 and that draws come from it.

    Where weights are moved, the density may become too rough for the comparison to mean anything.

    Args:
        subject: the part under check.
        result: the comparison.
        setting: of the weights, one of `workbench.settings`.
        normalise: how a density that is not one is usually mended.
        agree: how draws from another density are.
        log_prob: the density, where it lives everywhere: an integral that the draws mislead is
            then told from a density that is not normalised.

    Returns:
        Whether the comparison meant anything.

    Raises:
        ConformanceError: of the check "normalisation" or "sampling".
    """
    if setting != AS_BUILT and result.effective_size < CONCLUSIVE_SIZE:
        return False
    normalised = result.is_normalized
    if not normalised and log_prob is not None:
        integral, error = integral_about_zero(log_prob, result.dim)
        if abs(integral - 1.0) <= 3.0 * error + SLACK and error < CERTAIN:
            normalised = True
    with subject.check("normalisation", normalise) as check:
        check.require(
            normalised,
            f"{result.integral:.4f} +- {result.integral_error:.4f} as the integral of "
            f"exp(log_prob), {setting}",
            "1",
        )
    with subject.check("sampling", f"{agree} exp(log_prob) integrates to 1.") as check:
        check.require(
            result.agrees and result.is_normalized,
            f"{result.of_draws:.3f} as the mean of a test function over sample(), but "
            f"{result.of_density:.3f} +- {result.error:.3f} under exp(log_prob), {setting}",
            "the same",
        )
    return True


@dataclass(frozen=True)
class MixtureComparison:
    """How draws compare with a mixture of other draws.

    Attributes:
        distance: root of the summed squares of what the means of test functions differ by.
        error: standard error of the same.
        of_draws: at the test function that differs most, its mean over the draws.
        of_parts: its mean over the mixture.
    """

    distance: float
    error: float
    of_draws: float
    of_parts: float


def compare_with_mixture(draws: Array, parts: Sequence[Array]) -> MixtureComparison:
    """Compare draws (n, d) with the mixture of `parts` (m, d) that fits them best, d = 1 or 2.

    The right proportions differ from the draws by the sampling error alone, and the best ones by no
    more than those.
    """
    low, center, high = np.quantile(draws, (0.16, 0.5, 0.84), axis=0)
    scale = np.maximum((high - low) / 2.0, 1e-3 * (1.0 + np.abs(center)))
    functions = _test_functions(draws.shape[1])
    (of_draws, own_errors), *of_parts = (
        _means((each - center) / scale, functions) for each in (draws, *parts)
    )
    means, errors = (np.stack(columns, axis=1) for columns in zip(*of_parts, strict=True))
    rows = np.vstack([means, np.full(len(parts), SUM_WEIGHT)])
    proportions, _ = nnls(rows, np.append(of_draws, SUM_WEIGHT))
    of_mixture = means @ proportions
    error = np.sqrt(np.square(own_errors) + np.square(errors) @ np.square(proportions)) + SLACK / 10
    worst = int((np.abs(of_mixture - of_draws) / error).argmax())
    return MixtureComparison(
        float(np.linalg.norm(of_mixture - of_draws)),
        float(np.linalg.norm(error)),
        float(of_draws[worst]),
        float(of_mixture[worst]),
    )


def _means(values: Array, functions: list[Callable[[Array], Array]]) -> tuple[Array, Array]:
    """The mean of each function over values (n, d), and its standard error."""
    each = [function(values) for function in functions]
    return np.array([one.mean() for one in each]), np.array([_standard_error(one) for one in each])


def check_drawn_density(check: Check, what: str, draws: Array, log_density: Array) -> None:
    """Check that draws have the log-densities they come with.

    A normal density h, narrower than the draws of a group, has E[h(z) / q(z)] = 1. Where draws are
    far from normal, so that few of them count, this says nothing and is passed over.

    Args:
        check: the check that is going on.
        what: what the draws are called.
        draws: shape (m, groups, d).
        log_density: log q of each, shape (m, groups), nats.

    Raises:
        ConformanceError: if they have others.
    """
    weights = np.concatenate(
        [_weights(draws[:, group], log_density[:, group]) for group in range(draws.shape[1])]
    )
    average, error = float(weights.mean()), _standard_error(weights)
    if weights.sum() ** 2 < FEWEST_DRAWS * np.square(weights).sum():
        return
    check.require(
        np.isfinite(average) and abs(average - 1.0) <= DEVIATIONS * error + NARROWER_SLACK,
        f"{average:.3f} +- {error:.3f} as the mean of h(z) / exp(log_density) over {what}, h a "
        "normal density",
        "1, so that log_density is that of the draws, log-determinants included",
    )


def _weights(draws: Array, log_density: Array) -> Array:
    """H / q at draws (m, d) of q, h a normal density with their mean and a smaller covariance."""
    centered = draws.astype("float64") - draws.mean(axis=0)
    dim = draws.shape[-1]
    factor = np.linalg.cholesky(np.cov(centered, rowvar=False).reshape(dim, dim)) * NARROWER
    standardized = np.linalg.solve(factor, centered.T)
    log_h = -0.5 * np.square(standardized).sum(axis=0) - np.log(np.diag(factor)).sum()
    with np.errstate(over="ignore"):
        weights: Array = np.exp(log_h - 0.5 * dim * np.log(2.0 * np.pi) - log_density)
    return weights


def _test_functions(dim: int) -> list[Callable[[Array], Array]]:
    directions = [(1.0,)] if dim == 1 else [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0)]
    vectors = [
        frequency * np.asarray(direction)
        for frequency, direction in itertools.product(FREQUENCIES, directions)
    ]
    return [partial(_wave, wave, vector) for wave in (np.cos, np.sin) for vector in vectors]


def _wave(wave: Callable[[Array], Array], vector: Array, values: Array) -> Array:
    return wave(values @ vector)


def _standard_error(values: Array) -> float:
    return float(values.std() / np.sqrt(len(values)))
