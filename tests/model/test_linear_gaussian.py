"""Bounds and likelihood estimates of linear Gaussian models against their closed forms."""

import numpy as np
import pytest

import hiervae
from hiervae.networks import KerasLayers
from tests.support.linear import EVENT_SIZE, LinearGaussian
from tests.support.models import pass_through, set_normal_head
from tests.support.statistics import STANDARD_ERRORS, assert_mean, standard_error

REPEATS = 2000
CASES = {"one level": (2,), "two levels": (3, 2)}


@pytest.fixture(scope="module", params=CASES)
def linear(request):
    return LinearGaussian(CASES[request.param])


def repeated(linear, repeats=REPEATS):
    return np.tile(linear.x, (repeats, 1))


def test_the_closed_forms_agree_with_each_other():
    """q equal to the posterior closes the gap; any other q leaves one."""
    exact = LinearGaussian((2,), exact=True)
    np.testing.assert_allclose(exact.elbo(), exact.log_likelihood(), rtol=1e-10)
    for dims in CASES.values():
        rough = LinearGaussian(dims)
        assert np.all(rough.elbo() < rough.log_likelihood() - 0.1)


def test_elbo(linear):
    draws = linear.model.elbo(repeated(linear), num_samples=2, batch_size=4 * REPEATS, seed=1)
    assert_mean(draws.reshape(REPEATS, -1), linear.elbo())


def test_elbo_with_monte_carlo_kl(linear):
    other = LinearGaussian(linear.dims, kl="monte_carlo")
    draws = other.model.elbo(repeated(other), num_samples=2, batch_size=4 * REPEATS, seed=1)
    assert_mean(draws.reshape(REPEATS, -1), linear.elbo())


def test_importance_weighted_bound_rises_to_the_likelihood(linear):
    truth, previous, margin = linear.log_likelihood(), linear.elbo(), 0.0
    for num_samples in (1, 5, 50):
        draws = linear.model.log_likelihood(
            repeated(linear), num_samples, batch_size=4 * REPEATS, seed=2
        ).reshape(REPEATS, -1)
        error = standard_error(draws)
        if num_samples == 1:
            assert_mean(draws, linear.elbo())
        else:
            assert np.all(draws.mean(axis=0) > previous - STANDARD_ERRORS * np.hypot(error, margin))
        assert np.all(draws.mean(axis=0) < truth + STANDARD_ERRORS * error)
        previous, margin = draws.mean(axis=0), error
    assert np.mean(truth - previous) < 0.2 * np.mean(truth - linear.elbo())


def test_likelihood_estimate_is_unbiased_before_the_logarithm(linear):
    draws = linear.model.log_likelihood(repeated(linear), 50, batch_size=4 * REPEATS, seed=3)
    ratios = np.exp(draws.reshape(REPEATS, -1) - linear.log_likelihood())
    assert np.all(standard_error(ratios) < 0.1)
    assert_mean(ratios, 1.0)


def test_likelihood_is_streamed_over_batches_and_samples():
    """Numbers of samples and examples that fill no batch."""
    linear = LinearGaussian((2,), exact=True)
    x = repeated(linear, 7)[:27]
    expected = np.tile(linear.log_likelihood(), 7)[:27]
    for num_samples, batch_size, rows in ((1, 10, 40), (13, 5, 40), (2501, 4, 10_000), (13, 5, 3)):
        found = linear.model.log_likelihood(
            x, num_samples, batch_size=batch_size, rows_per_pass=rows
        )
        np.testing.assert_allclose(found, expected, atol=2e-5)


def test_elbo_is_streamed_over_samples(linear):
    draws = linear.model.elbo(repeated(linear, 200), num_samples=7, seed=1, rows_per_pass=300)
    assert_mean(draws.reshape(200, -1), linear.elbo())


@pytest.mark.parametrize("rows_per_pass", [1, 3, 40])
@pytest.mark.parametrize("score", ["elbo", "log_likelihood"])
def test_rows_of_a_pass_are_bounded(score, rows_per_pass):
    linear = LinearGaussian((2,))
    infer, rows = linear.model.inference.infer, []

    def counting(inputs, *args, num_samples=1, **kwargs):
        rows.append(inputs.shape[0] * num_samples)
        return infer(inputs, *args, num_samples=num_samples, **kwargs)

    linear.model.inference.infer = counting
    getattr(linear.model, score)(linear.x, 11, batch_size=5, rows_per_pass=rows_per_pass)
    assert 0 < max(rows) <= rows_per_pass


def test_likelihood_under_a_hierarchical_prior():
    """A linear p(z | zeta) integrates to a normal, so log p(x) is known; K = 1 and S samples."""
    rng = np.random.default_rng(4)
    linear = LinearGaussian((2,), exact=True)
    model = hiervae.HierarchicalVAE(
        2,
        prior={
            "name": "vhp",
            "latent_dim": 2,
            "num_importance_samples": 1,
            "network": pass_through(2),
        },
        likelihood={"name": "gaussian", "variance": linear.variance},
        network=pass_through(),
        seed=0,
    )
    model.build((None, EVENT_SIZE))
    model.inference.set_weights(linear.model.inference.get_weights())
    model.likelihood.set_weights(linear.model.likelihood.get_weights())
    matrix, bias, variance = (
        rng.normal(scale=0.5, size=(2, 2)),
        np.array([0.2, -0.1]),
        np.array([0.5, 0.8]),
    )
    set_normal_head(model.prior.generative_head, matrix, bias, variance)
    covariance = matrix.T @ matrix + np.diag(variance)
    posterior = np.linalg.inv(np.eye(2) + matrix @ np.diag(1 / variance) @ matrix.T)
    gain = np.diag(1 / variance) @ matrix.T @ posterior
    set_normal_head(model.prior.proposal_head, gain, -bias @ gain, 1.3 * np.diag(posterior))

    centre = bias @ linear.down[0] + linear.down_bias[0]
    marginal = linear.down[0].T @ covariance @ linear.down[0] + linear.variance * np.eye(EVENT_SIZE)
    residual = linear.x - centre
    truth = -0.5 * (
        np.einsum("ni,ij,nj->n", residual, np.linalg.inv(marginal), residual)
        + np.linalg.slogdet(2 * np.pi * marginal)[1]
    )
    draws = model.log_likelihood(repeated(linear, 500), 200, batch_size=2000, seed=5)
    draws = draws.reshape(500, -1)
    assert np.all(draws.mean(axis=0) < truth + STANDARD_ERRORS * standard_error(draws))
    ratios = np.exp(draws - truth)
    assert np.all(standard_error(ratios) < 0.05)
    assert_mean(ratios, 1.0)
    assert np.abs(draws.mean(axis=0) - truth).max() < 0.2


def test_the_network_of_these_models_does_nothing():
    assert isinstance(pass_through(), KerasLayers)
    assert not LinearGaussian((2,)).model.inference.encoders[0].weights
