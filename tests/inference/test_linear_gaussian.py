"""Every scheme as a linear Gaussian model, against linear algebra."""

import numpy as np
import pytest

from hiervae import evaluation
from tests.support.linear_schemes import EVENT_SIZE, LinearScheme
from tests.support.statistics import STANDARD_ERRORS, assert_mean, standard_error

REPEATS = 400
LINEAR = {"activation": "linear"}
CASES = {
    "ladder of one level": ("ladder", (2,), {}),
    "ladder of two levels": ("ladder", (3, 2), {}),
    "ladder of three levels": ("ladder", (2, 3, 2), {}),
    "top-down, two levels": ("top_down", (3, 2), {}),
    "top-down, three levels": ("top_down", (2, 1, 2), {}),
    "vlae of one level": ("vlae", (2,), LINEAR),
    "vlae, concatenated": ("vlae", (2, 1, 2), LINEAR),
    "vlae, gated": ("vlae", (1, 2, 2), {**LINEAR, "combine": "gated"}),
}


@pytest.fixture(scope="module", params=CASES)
def linear(request):
    inference, dims, options = CASES[request.param]
    return LinearScheme(inference, dims, **options)


def repeated(linear):
    return np.tile(linear.x, (REPEATS, 1))


@pytest.mark.compiles(4)
def test_elbo(linear):
    """Also that it bounds log p(x), by a gap the test can see."""
    draws = linear.model.elbo(repeated(linear), num_samples=2, batch_size=4 * REPEATS, seed=1)
    assert_mean(draws.reshape(REPEATS, -1), linear.elbo())
    assert np.all(linear.elbo() < linear.log_likelihood() - 0.01)


@pytest.mark.compiles(4)
def test_likelihood_estimate_is_unbiased_before_the_logarithm(linear):
    draws = linear.model.log_likelihood(repeated(linear), 200, batch_size=4 * REPEATS, seed=3)
    draws, truth = draws.reshape(REPEATS, -1), linear.log_likelihood()
    ratios = np.exp(draws - truth)
    assert np.median(standard_error(ratios)) < 0.15  # of single examples it has heavy tails
    assert_mean(ratios, 1.0)
    assert np.all(draws.mean(axis=0) < truth + STANDARD_ERRORS * standard_error(draws))
    assert np.mean(truth - draws.mean(axis=0)) < 0.3 * np.mean(truth - linear.elbo())


@pytest.mark.compiles(4)
def test_samples_come_from_the_prior_and_all_conditionals(linear):
    draws = linear.model.sample(8000, seed=4, batch_size=8000)
    mean, covariance = linear.joint()
    mean, covariance = mean[:EVENT_SIZE], covariance[:EVENT_SIZE, :EVENT_SIZE]
    assert_mean(draws, mean)
    centred = draws - mean
    assert_mean(np.einsum("ni,nj->nij", centred, centred).reshape(8000, -1), covariance.ravel())


@pytest.mark.compiles(4)
def test_evaluation_takes_the_same_terms(linear):
    """The profile and the decomposition know which levels have a closed form."""
    x = repeated(linear)
    profile = evaluation.kl_profile(linear.model, x, seed=1)
    assert [term.name for term in profile.terms] == [
        f"kl_{level}" for level in range(1, len(linear.dims) + 1)
    ]
    assert not any(term.is_estimate for term in profile.terms)
    assert [len(term.per_unit) for term in profile.terms] == list(linear.dims)
    parts = evaluation.elbo_decomposition(linear.model, x[:400], seed=1)
    assert "conditional_kl" not in parts.estimated
    draws = linear.model.elbo(x[:400], seed=2).reshape(-1, len(linear.x))
    tolerance = STANDARD_ERRORS * np.sqrt(draws.var(axis=0).mean() / draws.size)
    assert abs(parts.elbo - linear.elbo().mean()) < tolerance
    assert abs(parts.reconstruction - profile.total - linear.elbo().mean()) < tolerance
