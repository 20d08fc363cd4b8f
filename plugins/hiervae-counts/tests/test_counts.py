"""Densities against SciPy, and parameters that come back from counts of a known model."""

import keras
import numpy as np
import pytest
from hiervae.errors import DataError
from hiervae.likelihoods import Likelihood
from hiervae.networks import MLP
from hiervae.part import ModelContext
from keras import ops
from scipy import special, stats

from hiervae_counts import (
    Categorical,
    Laplace,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
)

COUNTS = np.array([[0, 1, 7, 250], [3, 0, 12, 9000]], dtype="float32")
LOG_MEAN = np.log(np.array([[0.1, 2.0, 5.0, 300.0], [3.0, 0.01, 40.0, 8000.0]], dtype="float32"))
LOG_R = np.log(np.array([[0.05, 1.0, 30.0, 2.0], [1000.0, 5.0, 0.7, 5000.0]], dtype="float32"))


def numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def built(likelihood: Likelihood, size: int = 4) -> Likelihood:
    likelihood.prepare(ModelContext((size,), (2,), 2, MLP(hidden_units=(3,))))
    likelihood.build((None, 3))
    return likelihood


def tensors(*arrays):
    return tuple(map(ops.convert_to_tensor, arrays))


def test_poisson_against_scipy():
    expected = stats.poisson.logpmf(COUNTS, np.exp(LOG_MEAN.astype("float64"))).sum(axis=1)
    got = numpy(built(Poisson()).log_prob(*tensors(COUNTS), tensors(LOG_MEAN)))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_poisson_of_a_large_rate_against_scipy():
    log_rate = np.log(np.array([[1e5, 1e6]], dtype="float32"))
    counts = np.array([[100_300, 998_000]], dtype="float32")
    exact = stats.poisson.logpmf(counts, np.exp(log_rate.astype("float64"))).sum()
    got = numpy(built(Poisson(), 2).log_prob(*tensors(counts), tensors(log_rate)))
    assert got == pytest.approx(exact, abs=2e-3)


def negative_binomial(counts):
    mean, r = np.exp(LOG_MEAN.astype("float64")), np.exp(LOG_R.astype("float64"))
    return stats.nbinom.logpmf(counts, r, r / (r + mean))


def test_negative_binomial_against_scipy():
    got = numpy(built(NegativeBinomial()).log_prob(*tensors(COUNTS), tensors(LOG_MEAN, LOG_R)))
    np.testing.assert_allclose(got, negative_binomial(COUNTS).sum(axis=1), rtol=1e-4, atol=1e-4)


def test_zero_inflation_against_scipy():
    logit = np.array([[-2.0, 0.0, 1.0, -6.0], [3.0, 2.0, 0.5, 0.0]], dtype="float32")
    pi = special.expit(logit.astype("float64"))
    mass = (1.0 - pi) * np.exp(negative_binomial(COUNTS)) + pi * (COUNTS == 0)
    likelihood = built(ZeroInflatedNegativeBinomial())
    parameters = tensors(LOG_MEAN, LOG_R, logit)
    got = numpy(likelihood.log_prob(*tensors(COUNTS), parameters))
    np.testing.assert_allclose(got, np.log(mass).sum(axis=1), rtol=1e-4, atol=1e-4)
    expected = (1.0 - pi) * np.exp(LOG_MEAN)
    np.testing.assert_allclose(numpy(likelihood.mean(parameters)), expected, rtol=1e-5)


def test_laplace_against_scipy():
    value, location = COUNTS[:, :2], LOG_MEAN[:, :2]
    log_scale = LOG_R[:, :2] / 4.0
    expected = stats.laplace.logpdf(value, location, np.exp(log_scale)).sum(axis=1)
    got = numpy(built(Laplace(), 2).log_prob(*tensors(value), tensors(location, log_scale)))
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_a_scale_that_is_set_later_may_be_a_whole_number():
    likelihood = Laplace()
    likelihood.scale = 1000
    built(likelihood, 2)
    parameters = likelihood(np.zeros((1, 3), "float32"))
    value = ops.convert_to_tensor(np.array([[3.0, -5.0]], dtype="float32"))
    expected = stats.laplace.logpdf(numpy(value), 0.0, 1000.0).sum()
    assert numpy(likelihood.log_prob(value, parameters))[0] == pytest.approx(expected, rel=1e-5)
    assert numpy(likelihood.reconstruction_error(value, parameters))[0] == pytest.approx(0.008)


def test_a_library_size_that_is_set_later_may_be_a_whole_number():
    likelihood = Poisson()
    likelihood.library_size = 1000
    built(likelihood)
    means = numpy(likelihood.mean(likelihood(np.zeros((1, 3), "float32"))))
    np.testing.assert_allclose(means, [[250.0] * 4], rtol=1e-5)


@pytest.mark.parametrize("start", [1e-3, 8e3])
def test_a_dispersion_starts_where_it_is_said(start):
    likelihood = built(NegativeBinomial(initial_dispersion=start))
    np.testing.assert_allclose(numpy(likelihood.dispersion_values()), start, rtol=1e-4)


def test_categories_against_a_sum():
    likelihood = built(Categorical(3), 2)
    probabilities = np.array([[[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]], dtype="float32")
    parameters = ops.log(ops.convert_to_tensor(probabilities))
    value = ops.convert_to_tensor(np.array([[1.0, 2.0]], dtype="float32"))
    assert numpy(likelihood.log_prob(value, parameters)) == pytest.approx(np.log(0.5 * 0.8))
    np.testing.assert_allclose(numpy(likelihood.mean(parameters)), [[1.1, 1.7]], rtol=1e-6)


def test_an_observed_library_size_scales_the_means_and_has_a_density():
    likelihood = built(Poisson(library_size="last"), 3)
    likelihood.adapt(np.array([[0, 0, 40.0], [0, 0, 60.0], [0, 0, 20.0]]))
    log_share = np.log(np.array([[0.1, 0.4]], dtype="float32"))
    value = np.array([[3.0, 20.0, 50.0]], dtype="float32")
    log_mean, log_r = numpy(likelihood.library).astype("float64")
    assert np.exp(log_mean) == pytest.approx(40.0, rel=1e-5)
    r = np.exp(log_r)
    assert 40.0 + 40.0**2 / r == pytest.approx(np.var([40.0, 60.0, 20.0]), rel=1e-4)
    expected = stats.poisson.logpmf(value[0, :2], [5.0, 20.0]).sum()
    expected += stats.nbinom.logpmf(50, r, r / (r + 40.0))
    got = numpy(likelihood.log_prob(*tensors(value), tensors(log_share)))
    assert got == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(
        numpy(likelihood.mean(tensors(log_share))), [[4.0, 16.0, 40.0]], rtol=1e-4
    )


def test_a_library_size_needs_a_vector():
    with pytest.raises(ValueError, match="expected vectors of the counts"):
        built(Poisson(library_size="last"), 1)


def test_draws_of_a_negative_binomial():
    likelihood = built(NegativeBinomial())
    rows = 20_000
    parameters = tuple(np.repeat(each[:1], rows, axis=0) for each in (LOG_MEAN, LOG_R))
    draws = numpy(likelihood.sample(tensors(*parameters), keras.random.SeedGenerator(0)))
    mean, r = np.exp(LOG_MEAN[0]), np.exp(LOG_R[0])
    for column, m, each in zip(draws.T, mean, r, strict=True):
        law = stats.nbinom(each, each / (each + m))
        for value in np.unique(law.ppf([0.1, 0.5, 0.9])):
            share, expected = (column <= value).mean(), law.cdf(value)
            assert abs(share - expected) < 5.0 * np.sqrt(0.25 / rows)


@pytest.mark.parametrize("part", [Poisson(), Categorical(4)])
def test_what_is_no_whole_number_is_refused(part):
    values = np.array([[0.0, 1.0], [0.5, 2.0]], dtype="float32")
    with pytest.raises(DataError, match=r"holds 0\.5"):
        part.check_values(values)


def test_the_most_likely_parameters_are_those_of_a_known_model():
    mean, r = np.array([0.5, 3.0, 20.0, 60.0]), np.array([0.5, 1.0, 4.0, 30.0])
    generator = np.random.default_rng(0)
    counts = generator.poisson(generator.gamma(r, mean / r, size=(4000, 4))).astype("float32")
    grid = np.exp(np.linspace(np.log(0.1), np.log(120.0), 60))
    likelihood = built(NegativeBinomial(), 1)
    for column, m, each in zip(counts.T, mean, r, strict=True):
        assert column.mean() == pytest.approx(m, rel=0.1)
        value = ops.convert_to_tensor(column[:, None])
        log_mean = np.full((len(column), 1), np.log(column.mean()), dtype="float32")
        totals = [
            numpy(
                likelihood.log_prob(value, tensors(log_mean, np.full_like(log_mean, np.log(guess))))
            ).sum(dtype="float64")
            for guess in grid
        ]
        assert grid[np.argmax(totals)] == pytest.approx(each, rel=0.25)
