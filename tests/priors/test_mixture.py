"""Density and draws of a mixture against brute force over its components in float64."""

import keras
import numpy as np
import pytest
from scipy import integrate, special, stats

from hiervae.distributions import DiagonalNormal
from hiervae.priors.mixture_of_gaussians import MixtureOfGaussians
from hiervae.priors.standard_normal import StandardNormal
from hiervae.priors.vamp import VampPrior
from tests.priors import mixtures
from tests.support.gradients import gradient
from tests.support.models import numpy_of, tensor
from tests.support.statistics import assert_mean

RNG = np.random.default_rng


def mixture(mean, log_variance, weights=None):
    """A prior with these components, as an encoder would give them."""
    prior = VampPrior(len(mean), "uniform" if weights is None else "learned")
    mixtures.built(prior, mean.shape[-1])
    if weights is not None and len(mean) > 1:
        mixtures.set_weights(prior, weights)
    return prior, DiagonalNormal(tensor(mean), tensor(log_variance))


def random_mixture(num_components, dim, seed=0, weighted=False):
    rng = RNG(seed)
    weights = rng.dirichlet(np.full(num_components, 0.7)) if weighted else None
    mean = rng.normal(scale=2.0, size=(num_components, dim))
    return mean.astype("float32"), rng.uniform(-3, 1, mean.shape).astype("float32"), weights


def found(latent, mean, log_variance, weights=None):
    prior, components = mixture(mean, log_variance, weights)
    return numpy_of(prior.log_prob(tensor(latent), components))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("num_components", "dim"), [(1, 1), (1, 5), (4, 1), (7, 3), (200, 40)])
def test_log_prob_against_brute_force(num_components, dim, weighted):
    mean, log_variance, weights = random_mixture(num_components, dim, weighted=weighted)
    latent = RNG(1).normal(scale=3.0, size=(30, dim)).astype("float32")
    expected = mixtures.log_density(latent, mean, log_variance, weights)
    np.testing.assert_allclose(
        found(latent, mean, log_variance, weights), expected, rtol=2e-5, atol=2e-5
    )


def test_it_is_no_product_of_one_dimensional_mixtures():
    mean, log_variance, _ = random_mixture(5, 3)
    latent = mean + 0.1
    expected = mixtures.log_density(latent, mean, log_variance)
    other = mixtures.product_of_one_dimensional(latent, mean, log_variance)
    assert np.abs(other - expected).max() > 1.0, "no test of anything"
    np.testing.assert_allclose(found(latent, mean, log_variance), expected, rtol=1e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_density_integrates_to_one(weighted):
    mean, log_variance, weights = random_mixture(6, 1, weighted=weighted)
    grid = np.linspace(-20.0, 20.0, 20_001)
    density = np.exp(found(grid[:, None], mean, log_variance, weights))
    assert integrate.trapezoid(density, grid) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("shift", [0.0, 1e2])
@pytest.mark.parametrize("spread", [1e-2, 1.0, 3.0])
@pytest.mark.parametrize("log_variance", [-10.0, -6.0, 0.0, 5.0])
def test_accuracy_where_components_lie_apart_or_all_overlap(shift, spread, log_variance):
    """In nats at z near a component, in 40 dimensions; z itself is only known to float32."""
    mean, log_variances, latent = near_components(shift, spread, log_variance)
    expected = mixtures.log_density(latent, mean, log_variances)
    error = np.abs(found(latent, mean, log_variances) - expected)
    assert error.max() < 2e-3


@pytest.mark.parametrize("weighted", [False, True])
def test_accuracy_where_a_few_of_many_components_overlap(weighted):
    """Ten clusters 150 sigma apart, of components at the lowest default log-variance."""
    mean, log_variances, _ = near_components(0.0, 1.0, -10.0)
    stddev = np.exp(-5.0)
    rng = RNG(4)
    mean = np.repeat(mean[:10], 5, axis=0) + 0.3 * stddev * rng.normal(size=mean.shape)
    mean = mean.astype("float32")
    latent = (mean[:40] + stddev * rng.normal(size=(40, 40))).astype("float32")
    weights = rng.dirichlet(np.ones(len(mean))) if weighted else None
    expected = mixtures.log_density(latent, mean, log_variances, weights)
    error = np.abs(found(latent, mean, log_variances, weights) - expected)
    assert error.max() < 0.15
    assert np.sqrt(np.mean(error**2)) < 0.05


def test_gradients_of_narrow_components_against_float64():
    mean, log_variances, latent = near_components(0.0, 1.0, -6.0)
    prior, _ = mixture(mean, log_variances)

    def total(latent, mean, log_variance):
        return keras.ops.sum(prior.log_prob(latent, DiagonalNormal(mean, log_variance)))

    found = gradient(total, latent, mean, log_variances)
    joint = mixtures.log_densities(latent, mean, log_variances)
    share = special.softmax(joint, axis=-1)[:, :, None]
    scaled = (latent[:, None].astype("float64") - mean) * np.exp(-log_variances.astype("float64"))
    expected = (
        -(share * scaled).sum(axis=1),
        (share * scaled).sum(axis=0),
        0.5 * (share * (scaled * (latent[:, None] - mean) - 1.0)).sum(axis=0),
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-3 * np.abs(other).max())


def near_components(shift, spread, log_variance):
    rng = RNG(3)
    mean = (shift + spread * rng.normal(size=(50, 40))).astype("float32")
    log_variances = np.full(mean.shape, log_variance, "float32")
    latent = mean[:40] + np.exp(0.5 * log_variance) * rng.normal(size=(40, 40))
    return mean, log_variances, latent.astype("float32")


def test_draws_take_every_component_as_often_as_its_weight_says():
    mean = 100.0 * np.arange(12, dtype="float32")[:, None]
    for weights in (None, RNG(5).dirichlet(np.ones(12))):
        prior, components = mixture(mean, np.zeros_like(mean), weights)
        draws = numpy_of(prior.sample(6000, components, keras.random.SeedGenerator(3)))
        counts = np.bincount(np.rint(draws[:, 0] / 100.0).astype(int), minlength=12)
        expected = 6000 * (np.full(12, 1 / 12) if weights is None else weights)
        assert stats.chisquare(counts, expected).pvalue > 1e-5
        assert_mean(draws[:, 0] - 100.0 * np.rint(draws[:, 0] / 100.0), 0.0)


def test_a_component_of_weight_zero_is_never_drawn():
    mean = 100.0 * np.arange(3, dtype="float32")[:, None]
    prior, components = mixture(mean, np.zeros_like(mean), np.array([1e-30, 1.0, 1e-30]))
    draws = numpy_of(prior.sample(2000, components, keras.random.SeedGenerator(3)))
    assert np.all(np.abs(draws - 100.0) < 10.0)


@pytest.mark.parametrize("weighted", [False, True])
def test_draws_have_the_density(weighted):
    mean, log_variance, weights = random_mixture(5, 2, seed=8, weighted=weighted)
    prior, components = mixture(mean, log_variance, weights)
    weights = np.full(5, 0.2) if weights is None else weights
    draws = numpy_of(prior.sample(8000, components, keras.random.SeedGenerator(4)))
    centre, covariance = mixtures.moments(mean, log_variance, weights)
    assert_mean(draws, centre)
    for i in range(2):
        for j in range(2):
            products = (draws[:, i] - centre[i]) * (draws[:, j] - centre[j])
            assert_mean(products, covariance[i, j])
        column = (mean[:, i], log_variance[:, i], weights)
        result = stats.kstest(draws[:, i], lambda z, c=column: mixtures.marginal_cdf(z, *c))
        assert result.pvalue > 1e-5


def test_draws_of_one_component():
    mean, log_variance, _ = random_mixture(5, 2, seed=9)
    prior, components = mixture(mean, log_variance)
    for k in range(5):
        draws = prior.sample_component(k, 3000, components, keras.random.SeedGenerator(4))
        scaled = (numpy_of(draws) - mean[k]) / np.exp(0.5 * log_variance[k])
        for column in scaled.T:
            assert stats.kstest(column, "norm").pvalue > 1e-5


@pytest.mark.parametrize("index", [-1, 5, 1.0, "1", True, None])
def test_bad_component(index):
    mean, log_variance, _ = random_mixture(5, 2)
    prior, _ = mixture(mean, log_variance)
    assert prior.check_component(np.int64(4)) == 4
    with pytest.raises(ValueError, match="5 components; expected an integer from 0 to 4"):
        prior.check_component(index)


def test_a_prior_without_components_says_so():
    prior = mixtures.built(StandardNormal(), 2)
    with pytest.raises(ValueError, match="StandardNormal has no components"):
        prior.check_component(0)
    with pytest.raises(ValueError, match="StandardNormal has no components"):
        prior.sample_component(0, 4)


@pytest.mark.parametrize("prior", [MixtureOfGaussians, VampPrior])
def test_bad_options(prior):
    for value in (0, -1, 2.5, "3", True):
        with pytest.raises(ValueError, match="num_components=.*expected a positive integer"):
            prior(num_components=value)
    with pytest.raises(ValueError, match="weights='equal': expected one of 'uniform', 'learned'"):
        prior(weights="equal")


def test_against_tensorflow_probability():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("TensorFlow Probability needs the TensorFlow backend")
    tfd = pytest.importorskip("tensorflow_probability").distributions
    mean, log_variance, weights = random_mixture(9, 4, weighted=True)
    expected = tfd.MixtureSameFamily(
        tfd.Categorical(probs=weights.astype("float64")),
        tfd.MultivariateNormalDiag(
            mean.astype("float64"), np.exp(0.5 * log_variance.astype("float64"))
        ),
    )
    latent = RNG(2).normal(scale=2.0, size=(25, 4))
    np.testing.assert_allclose(
        found(latent, mean, log_variance, weights), expected.log_prob(latent).numpy(), rtol=1e-4
    )
