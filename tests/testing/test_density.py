"""The comparison of draws with a density, on distributions that SciPy knows."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy import stats

from hiervae.testing.density import compare
from hiervae.testing.workbench import settings

RNG = np.random.default_rng(0)
NORMAL = stats.multivariate_normal([1.0, -2.0], [[1.0, 0.8], [0.8, 1.0]])


def test_a_correlated_normal() -> None:
    draws = NORMAL.rvs(20_000, random_state=RNG)
    result = compare(NORMAL.logpdf, draws)
    assert result.is_normalized
    assert result.agrees
    assert result.effective_size > 1000
    assert abs(result.integral - 1.0) < 0.05


@pytest.mark.parametrize("degrees_of_freedom", [2.0, 5.0])
def test_heavy_tails(degrees_of_freedom: float) -> None:
    density = stats.t(degrees_of_freedom, loc=3.0, scale=0.2)
    draws = density.rvs((20_000, 2), random_state=RNG)
    result = compare(lambda points: density.logpdf(points).sum(axis=1), draws)
    assert result.is_normalized
    assert result.agrees


def test_an_unbiased_estimate_of_a_density() -> None:
    draws = NORMAL.rvs(20_000, random_state=RNG)
    noise = np.random.default_rng(1)

    def estimate(points: np.ndarray) -> np.ndarray:
        return NORMAL.logpdf(points) + noise.normal(-0.125, 0.5, len(points))

    result = compare(estimate, draws)
    assert result.is_normalized
    assert result.agrees


@pytest.mark.parametrize("shift", [-0.15, 0.15])
def test_a_density_that_is_not_normalized(shift: float) -> None:
    draws = NORMAL.rvs(20_000, random_state=RNG)
    assert not compare(lambda points: NORMAL.logpdf(points) + shift, draws).is_normalized


def test_draws_of_the_marginals_alone() -> None:
    draws = RNG.normal([1.0, -2.0], 1.0, (20_000, 2))
    result = compare(NORMAL.logpdf, draws)
    assert result.is_normalized
    assert not result.agrees


def test_draws_that_are_too_wide() -> None:
    draws = RNG.normal(0.0, 1.1, (20_000, 1))
    assert not compare(lambda points: stats.norm.logpdf(points[:, 0]), draws).agrees


def test_a_bounded_density() -> None:
    density = stats.beta(2.0, 3.0)
    draws = density.rvs((20_000, 1), random_state=RNG)
    result = compare(lambda points: density.logpdf(points[:, 0]), draws, (0.0, 1.0))
    assert result.is_normalized
    assert result.agrees
    assert not compare(lambda points: density.logpdf(points[:, 0]), 1.0 - draws, (0, 1)).agrees


def test_weights_are_moved_and_put_back() -> None:
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    before = [np.array(keras.ops.convert_to_numpy(weight)) for weight in layer.weights]
    seen = []
    for name in settings(layer.trainable_variables):
        values = [np.array(keras.ops.convert_to_numpy(weight)) for weight in layer.weights]
        seen.append((name, values))
    assert [name for name, _ in seen] == ["weights as built", "kernels moved", "weights moved"]
    for after, value in zip(seen[0][1], before, strict=True):
        np.testing.assert_array_equal(after, value)
    for _, values in seen[1:]:
        assert all((after != value).all() for after, value in zip(values, before, strict=True))
    for weight, value in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)
