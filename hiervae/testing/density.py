"""Whether draws come from a given density, by importance sampling from a heavy-tailed proposal."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from hiervae.testing.check import Array
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import AS_BUILT

FREQUENCIES = (0.5, 1.0, 2.0, 4.0)
DEVIATIONS = 6.0
SLACK = 0.01
CONCLUSIVE_SIZE = 200.0

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
