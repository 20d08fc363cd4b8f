import math

import keras
import numpy as np
import pytest
from scipy import stats

from hiervae.likelihoods.gaussian import Gaussian
from tests.support.models import compiled, context, numpy_of, small_model, tensor
from tests.support.statistics import assert_mean

RNG = np.random.default_rng(0)
SHAPE = (3, 2)
FEATURES = RNG.normal(size=(5, 4)).astype("float32")
VALUES = RNG.normal(scale=2.0, size=(5, *SHAPE)).astype("float32")
VARIANCES = (0.25, 1.0, "learned", "predicted")


def built(variance, **options) -> Gaussian:
    likelihood = Gaussian(variance, **options)
    likelihood.prepare(context(SHAPE))
    likelihood.build((None, 4))
    rng = np.random.default_rng(3)
    for weight in likelihood.trainable_variables:
        weight.assign(rng.normal(scale=0.7, size=weight.shape))
    return likelihood


def parameters(likelihood, features=FEATURES):
    """Mean and variance, each (n, *SHAPE), by NumPy from the layer's weights."""
    weights = {w.path.split("/", 1)[-1]: numpy_of(w) for w in likelihood.trainable_variables}
    mean = features @ weights["mean/kernel"] + weights["mean/bias"]
    if likelihood.variance == "predicted":
        log_variance = features @ weights["log_variance/kernel"] + weights["log_variance/bias"]
    elif likelihood.variance == "learned":
        log_variance = np.broadcast_to(weights["log_variance"], mean.shape)
    else:
        log_variance = np.full(mean.shape, math.log(likelihood.variance))
    variance = np.exp(np.clip(log_variance, *likelihood.log_variance_bounds))
    return mean.reshape(-1, *SHAPE), variance.reshape(-1, *SHAPE)


@pytest.mark.parametrize("variance", VARIANCES)
def test_log_prob_and_mean_against_scipy(variance):
    likelihood = built(variance)
    mean, scale = parameters(likelihood)
    found = likelihood(tensor(FEATURES))
    expected = stats.norm(mean, np.sqrt(scale)).logpdf(VALUES).sum(axis=(1, 2))
    np.testing.assert_allclose(
        numpy_of(likelihood.log_prob(tensor(VALUES), found)), expected, rtol=1e-4
    )
    np.testing.assert_allclose(numpy_of(likelihood.mean(found)), mean, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("variance", VARIANCES)
def test_reconstruction_error(variance):
    """The squared error, over twice the variance only where that is fixed."""
    likelihood = built(variance)
    mean, _ = parameters(likelihood)
    expected = np.square(VALUES - mean).sum(axis=(1, 2))
    if not isinstance(variance, str):
        expected /= 2.0 * variance
    found = likelihood(tensor(FEATURES))
    error = likelihood.reconstruction_error(tensor(VALUES), found)
    np.testing.assert_allclose(numpy_of(error), expected, rtol=1e-4)
    log_prob, shared = likelihood.log_prob_and_error(tensor(VALUES), found)
    np.testing.assert_allclose(numpy_of(shared), expected, rtol=1e-4)
    assert tuple(log_prob.shape) == (5,)


@pytest.mark.parametrize("variance", VARIANCES)
def test_log_prob_of_draws_against_scipy(variance):
    """Three draws of two examples, sample-major; the examples are not repeated for it."""
    likelihood = built(variance)
    features = RNG.normal(size=(6, 4)).astype("float32")
    mean, scale = parameters(likelihood, features)
    repeated = np.tile(VALUES[:2], (3, 1, 1))
    expected = stats.norm(mean, np.sqrt(scale)).logpdf(repeated).sum(axis=(1, 2))
    found = likelihood.log_prob_of_draws(tensor(VALUES[:2]), likelihood(tensor(features)), 3)
    np.testing.assert_allclose(numpy_of(found), expected, rtol=1e-4)


@pytest.mark.parametrize("variance", VARIANCES)
def test_draws(variance):
    likelihood = built(variance)
    features = np.tile(FEATURES[:1], (10_000, 1))
    mean, scale = parameters(likelihood, FEATURES[:1])
    found = likelihood(tensor(features))
    draws = numpy_of(likelihood.sample(found, seed=keras.random.SeedGenerator(0)))
    assert draws.shape == (10_000, *SHAPE)
    assert_mean(draws, mean[0])
    assert_mean(np.square(draws - mean[0]), scale[0])


@pytest.mark.parametrize("variance", ["learned", "predicted"])
def test_log_variances_are_bounded(variance):
    likelihood = built(variance, log_variance_bounds=(-0.1, 0.2))
    found = numpy_of(likelihood(tensor(FEATURES)).log_variance)
    assert found.min() == pytest.approx(-0.1, rel=1e-5)
    assert found.max() == pytest.approx(0.2, rel=1e-5)


def test_any_real_value_is_accepted():
    Gaussian().check_values(np.array([[-1e6, 1e6]]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variance": 0.0}, ("variance=0.0", "positive number")),
        ({"variance": -1.0}, ("variance=-1.0", "positive number")),
        ({"variance": float("nan")}, ("variance=nan", "positive number")),
        ({"variance": "free"}, ("variance='free'", "learned", "predicted")),
        ({"variance": None}, ("variance=None", "positive number")),
        ({"log_variance_bounds": (1.0, 1.0)}, ("(1.0, 1.0)", "increasing", "such as")),
        ({"log_variance_bounds": (0.0, float("inf"))}, ("inf", "finite", "such as")),
        ({"log_variance_bounds": 3.0}, ("3.0", "two increasing", "such as")),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match="expected") as error:
        Gaussian(**options)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("variance", VARIANCES)
def test_config_round_trip(variance):
    config = Gaussian(variance, log_variance_bounds=(-3.0, 2.0), name="g").get_config()
    assert Gaussian.from_config(config).get_config() == config


@pytest.mark.parametrize("variance", ["learned", "predicted"])
def test_a_variance_is_learned_within_bounds_that_exclude_1(variance):
    x = np.random.default_rng(0).normal(0.0, 0.05, (64, 6)).astype("float32")
    likelihood = {"name": "gaussian", "variance": variance, "log_variance_bounds": (-10.0, -2.0)}
    model = compiled(small_model(likelihood=likelihood), keras.optimizers.Adam(0.05))
    model.fit(x, epochs=20, batch_size=32, verbose=0)
    features = model.posterior(x).features
    found = numpy_of(model.likelihood(tensor(features)).log_variance)
    assert found.mean() < -3.0


@pytest.mark.parametrize(("bounds", "start"), [((-10.0, -2.0), -6.0), ((-10.0, 5.0), 0.0)])
def test_where_a_variance_starts(bounds, start):
    for variance in ("learned", "predicted"):
        likelihood = Gaussian(variance, log_variance_bounds=bounds)
        likelihood.prepare(context(SHAPE))
        likelihood.build((None, 4))
        found = numpy_of(likelihood(tensor(np.zeros((2, 4)))).log_variance)
        np.testing.assert_array_equal(found, start)
