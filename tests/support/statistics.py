"""Comparisons of Monte Carlo means with the truth."""

from __future__ import annotations

from typing import Any

import numpy as np

STANDARD_ERRORS = 5.0


def standard_error(draws: Any, axis: int = 0) -> Any:
    """Standard error of the mean of independent draws along `axis`."""
    return np.std(draws, axis=axis, ddof=1) / np.sqrt(np.shape(draws)[axis])


def assert_mean(draws: Any, expected: Any, axis: int = 0) -> None:
    """The mean of the draws is `expected`, within five standard errors."""
    draws = np.asarray(draws, dtype="float64")
    distance = np.abs(draws.mean(axis=axis) - expected)
    error = standard_error(draws, axis)
    assert np.all(distance <= STANDARD_ERRORS * error + 1e-6), (
        f"means {draws.mean(axis=axis)} are not {expected} within 5 x {error}"
    )
