import keras
import numpy as np
from scipy import stats

from hiervae.priors.standard_normal import StandardNormal
from tests.support.models import context, numpy_of, tensor


def built() -> StandardNormal:
    prior = StandardNormal()
    prior.prepare(context((4,), latent_dims=(3,)))
    prior.build((None, 3))
    return prior


def test_log_prob_against_scipy():
    latent = np.random.default_rng(0).normal(scale=3.0, size=(7, 3)).astype("float32")
    expected = stats.norm.logpdf(latent).sum(axis=-1)
    np.testing.assert_allclose(numpy_of(built().log_prob(tensor(latent))), expected, rtol=1e-5)


def test_draws():
    draws = numpy_of(built().sample(5000, seed=keras.random.SeedGenerator(0)))
    assert draws.shape == (5000, 3)
    for column in draws.T:
        assert stats.kstest(column, "norm").pvalue > 1e-5
    assert np.abs(np.corrcoef(draws, rowvar=False)[~np.eye(3, dtype=bool)]).max() < 0.08


def test_it_is_an_exact_distribution_without_weights():
    prior = built()
    assert prior.is_exact
    assert prior.pseudo_inputs is None
    assert not prior.weights
    latent = tensor(np.ones((2, 3)))
    np.testing.assert_allclose(
        numpy_of(prior.distribution().log_prob(latent)), numpy_of(prior.log_prob(latent))
    )
