"""Special functions against SciPy, draws against its distributions."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from scipy import special, stats

from hiervae import math
from hiervae.random import inject_noise

POINTS = np.concatenate([np.geomspace(1e-6, 1e7, 400), np.linspace(0.5, 3.0, 50)]).astype("float32")
PAIRS = np.array(np.meshgrid(np.geomspace(1e-3, 1e6, 40), np.geomspace(1e-3, 1e6, 40)))
A, B = PAIRS.reshape(2, -1).astype("float32")


def numpy(value: Any) -> Any:
    return np.asarray(ops.convert_to_numpy(value))


def test_log_gamma() -> None:
    got, exact = numpy(math.log_gamma(POINTS)), special.gammaln(POINTS.astype("float64"))
    np.testing.assert_allclose(got, exact, rtol=1e-6, atol=3e-6)


def test_log_beta_also_where_an_argument_is_large() -> None:
    got = numpy(math.log_beta(A, B))
    exact = special.betaln(A.astype("float64"), B.astype("float64"))
    np.testing.assert_allclose(got, exact, rtol=3e-6, atol=3e-5)


def test_log_binomial() -> None:
    n, k = np.array([[0, 0], [5, 0], [5, 2], [1000, 3], [1e5, 5e4]]).T
    exact = -np.log1p(n) - special.betaln(n - k + 1, k + 1)
    np.testing.assert_allclose(numpy(math.log_binomial(n, k)), exact, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("rate", [1e-12, 0.02, 1.0, 30.0, 1e3, 1e5, 1e8])
def test_log_poisson_also_where_count_and_rate_are_large(rate: float) -> None:
    log_rate = np.float32(np.log(rate))
    exact_rate = np.exp(np.float64(log_rate))
    near = exact_rate + np.sqrt(exact_rate) * np.linspace(-6.0, 6.0, 25)
    far = exact_rate * np.array([0.01, 0.4, 0.49, 0.51, 0.89, 0.91, 1.09, 1.12, 2.0, 30.0])
    count = np.round(np.maximum([*near, *far, 0.0, 1.0, 2.0, 40.0], 0.0)).astype("float32")
    got = numpy(math.log_poisson(count, np.full_like(count, log_rate)))
    exact = stats.poisson.logpmf(count.astype("float64"), exact_rate)
    np.testing.assert_allclose(got, exact, rtol=3e-6, atol=1e-5 + 1e-6 * np.sqrt(rate))


@pytest.mark.parametrize("rate", [0.02, 30.0, 1e5])
def test_the_slope_of_log_poisson_is_count_minus_rate(rate: float) -> None:
    log_rate, step = np.log(rate), 0.02
    counts = np.round(rate * np.array([0.0, 0.3, 0.7, 0.95, 1.02, 1.5, 4.0]))
    ends = [numpy(math.log_poisson(counts, np.full(7, log_rate + s))) for s in (-step, step)]
    slope = (ends[1].astype("float64") - ends[0]) / (2 * step)
    exact = counts - rate * np.sinh(step) / step
    np.testing.assert_allclose(slope, exact, rtol=1e-3, atol=1e-4 + 1e-4 * rate)


def test_the_gradient_of_log_gamma_is_digamma() -> None:
    x = np.array([0.05, 0.7, 3.0, 7.9, 8.1, 200.0], dtype="float64")
    step = 0.02 * x
    low, high = (numpy(math.log_gamma(each)).astype("float64") for each in (x - step, x + step))
    exact = (special.gammaln(x + step) - special.gammaln(x - step)) / (2 * step)
    np.testing.assert_allclose((high - low) / (2 * step), exact, atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize("alpha", [0.05, 0.6, 1.0, 2.5, 300.0])
def test_gamma_draws(alpha: float) -> None:
    seed = keras.random.SeedGenerator(3)
    draws = numpy(math.draw_gamma(np.full((20_000,), alpha, "float32"), seed))
    assert (draws >= 0.0).all()
    assert stats.kstest(draws, stats.gamma(alpha).cdf).pvalue > 1e-3


@pytest.mark.parametrize("rate", [0.0, 0.2, 3.0, 9.99, 10.0, 37.0, 900.0, 2e5, 1e8])
def test_poisson_draws(rate: float) -> None:
    seed = keras.random.SeedGenerator(4)
    draws = numpy(math.draw_poisson(np.full((40_000,), rate, "float32"), seed))
    assert (draws == np.round(draws)).all()
    edges = np.unique(stats.poisson(rate).ppf(np.linspace(0.02, 0.98, 25)))
    cuts = np.concatenate([[-1.0], edges, [np.inf]])
    expected = len(draws) * np.diff(stats.poisson(rate).cdf(cuts))
    counts = np.histogram(draws, np.append(cuts[:-1] + 0.5, np.inf))[0]
    kept = expected > 0
    assert counts[~kept].sum() == 0
    statistic = ((counts - expected)[kept] ** 2 / expected[kept]).sum()
    assert stats.chi2(max(1, kept.sum() - 1)).sf(statistic) > 1e-3


def test_poisson_draws_of_the_largest_rate() -> None:
    rate = np.full((40_000,), 1e10, "float32")
    draws = numpy(math.draw_poisson(rate, keras.random.SeedGenerator(5)))
    standardised = (draws.astype("float64") - rate[0]) / 1e5
    assert stats.kstest(standardised, "norm").pvalue > 1e-3


def test_the_largest_uniform_gives_no_endless_count() -> None:
    with inject_noise(lambda _, shape: np.full(shape, 1.0 - 2.0**-24, dtype="float32")):
        draws = numpy(math.draw_poisson(np.array([0.01, 1.0, 9.9], "float32"), None))
    assert (draws <= stats.poisson([0.01, 1.0, 9.9]).isf(1e-10)).all()


def test_draws_of_a_row_take_noise_of_that_row() -> None:
    shapes = []

    def source(kind: str, shape: Any) -> Any:
        shapes.append(shape)
        return np.full(shape, 0.3, dtype="float32")

    with inject_noise(source):
        math.draw_poisson(np.ones((6, 2), "float32"), None)
        math.draw_gamma(np.ones((6, 2), "float32"), None)
    assert all(shape[0] % 6 == 0 and shape[1:] == (2,) for shape in shapes)
