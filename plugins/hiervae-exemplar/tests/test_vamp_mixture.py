from importlib.metadata import entry_points

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE, registry
from hiervae.errors import DataError
from hiervae.priors import Prior
from hiervae.testing import parametrize_with_checks
from keras import ops
from scipy import special, stats

from hiervae_exemplar import VampMixture

NETWORK = {"name": "mlp", "hidden_units": (8,)}


def numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def built(number=5, size=6, **options):
    prior = {"name": "vamp_mixture", "num_components": number, **options}
    model = HierarchicalVAE(latent_dims=3, prior=prior, network=NETWORK, seed=0)
    model.build((None, size))
    return model


@parametrize_with_checks("vamp_mixture", kind="prior", num_components=3)
def test_it_keeps_the_contract_of_a_prior(check):
    check()


@parametrize_with_checks(
    "vamp_mixture",
    kind="prior",
    num_components=4,
    weights="uniform",
    covariance="shared",
    initialize="normal",
    initial_log_variance=-1.0,
)
def test_it_keeps_the_contract_with_options(check):
    check()


@pytest.mark.parametrize("covariance", ["component", "shared"])
def test_the_density_against_scipy(covariance):
    model = built(covariance=covariance, initialize="normal", initial_stddev=1.0)
    generator = np.random.default_rng(0)
    prior = model.prior
    prior.log_variances.assign(generator.normal(-1.0, 0.5, tuple(prior.log_variances.shape)))
    logits = generator.standard_normal(5)
    prior._logits.assign(logits)
    means = model.encode(numpy(prior.pseudo_inputs))[0]
    deviations = np.broadcast_to(np.exp(0.5 * numpy(prior.log_variances)), (5, 3))
    latent = generator.standard_normal((20, 3)).astype("float32")
    each = [
        weight + stats.norm.logpdf(latent, mean, deviation).sum(axis=1)
        for weight, mean, deviation in zip(
            special.log_softmax(logits), means, deviations, strict=True
        )
    ]
    expected = special.logsumexp(each, axis=0)
    np.testing.assert_allclose(model.prior_log_prob(latent), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("covariance", "rows"), [("component", 5), ("shared", 1)])
def test_variances_are_weights_of_the_prior(covariance, rows):
    prior = built(covariance=covariance, initial_log_variance=-0.5).prior
    np.testing.assert_allclose(numpy(prior.log_variances), np.full((rows, 3), -0.5))


def test_pseudo_inputs_start_inside_the_range_of_the_values():
    model = built(20, initial_stddev=0.05)
    x = (np.random.default_rng(0).random((50, 6)) < 0.5).astype("float32")
    model.adapt(x)
    inputs = numpy(model.prior.inputs)
    assert inputs.min() >= 0.0
    assert inputs.max() <= 1.0
    nearest = np.abs(inputs[:, None] - x).max(axis=2).min(axis=1)
    assert nearest.max() < 0.3
    assert nearest.min() > 0.0
    with pytest.raises(DataError, match=r"expected \(20, 6\) or more"):
        model.adapt(x[:10])


def test_it_trains_and_describes_kinds_of_examples():
    generator = np.random.default_rng(0)
    kinds = np.repeat(np.eye(3), 4, axis=1)[generator.integers(0, 3, 300)]
    x = np.abs(kinds - (generator.random(kinds.shape) < 0.02)).astype("float32")
    scores = {}
    for prior in ("standard_normal", {"name": "vamp_mixture", "num_components": 6}):
        model = HierarchicalVAE(latent_dims=2, prior=prior, network=NETWORK, seed=0)
        model.compile(keras.optimizers.Adam(1e-2))
        model.fit(x[:200], batch_size=50, epochs=60, verbose=0)
        scores[str(prior)] = model.elbo(x[200:], num_samples=50, seed=1).mean()
    normal, mixture = scores.values()
    assert mixture > normal + 0.05
    assert (numpy(model.prior.log_variances) < -0.1).any()


@pytest.mark.parametrize(
    "options",
    [
        {"num_components": 0},
        {"covariance": "full"},
        {"initialize": "zeros"},
        {"initial_stddev": 0.0},
        {"log_variance_bounds": (1.0, -1.0)},
        {"initial_log_variance": 9.0},
    ],
)
def test_options_that_are_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        registry.create("hiervae.priors", {"name": "vamp_mixture", **options}, Prior)


def test_it_is_found_by_its_entry_point():
    (point,) = entry_points(group="hiervae.priors", name="vamp_mixture")
    assert point.load() is VampMixture
    assert point.dist.name == "hiervae-exemplar"
