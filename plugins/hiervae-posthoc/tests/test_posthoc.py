from importlib.metadata import entry_points

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE, registry
from hiervae.likelihoods import Likelihood
from hiervae.manifold import LatentGraph
from hiervae.priors import Prior
from hiervae.testing import check_prior
from keras import ops
from scipy import special, stats

from hiervae_posthoc import PostHocMixture, fit_prior

WEIGHTS = np.array([0.7, 0.3])
MEANS = np.array([[2.0, -1.0, 0.0], [-3.0, 1.0, 2.0]])
FACTORS = np.array(
    [[[1.0, 0, 0], [0.5, 0.3, 0], [-0.2, 0.1, 0.8]], [[0.4, 0, 0], [0.3, 1.0, 0], [0.9, 0.5, 0.5]]]
)
COVARIANCES = FACTORS @ FACTORS.transpose(0, 2, 1)


def numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def built(size=3, **options):
    prior = {"name": "posthoc_mixture", "num_components": 2, **options}
    model = HierarchicalVAE(latent_dims=size, prior=prior, network={"name": "mlp"}, seed=0)
    model.build((None, 6))
    return model


def draws(number, seed=0):
    generator = np.random.default_rng(seed)
    index = generator.choice(2, size=number, p=WEIGHTS)
    noise = generator.standard_normal((number, 3))
    return MEANS[index] + np.einsum("nij,nj->ni", FACTORS[index], noise)


def exact(latent):
    parts = [
        np.log(weight) + stats.multivariate_normal.logpdf(latent, mean, covariance)
        for weight, mean, covariance in zip(WEIGHTS, MEANS, COVARIANCES, strict=True)
    ]
    return special.logsumexp(parts, axis=0)


@pytest.fixture(scope="module")
def trained():
    """A model with a standard normal prior, of two kinds of examples."""
    generator = np.random.default_rng(0)
    kinds = generator.random((400, 1)) < 0.5
    x = np.where(kinds, [[1.0, 1, 1, 0, 0, 0]], [[0.0, 0, 0, 1, 1, 1]]).astype("float32")
    x = np.abs(x - (generator.random(x.shape) < 0.05)).astype("float32")
    model = HierarchicalVAE(latent_dims=2, network={"name": "mlp", "hidden_units": (16,)}, seed=0)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(x, batch_size=50, epochs=15, verbose=0)
    return model, x


@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_it_keeps_the_contract_of_a_prior(covariance):
    check_prior("posthoc_mixture", num_components=3, covariance=covariance)


def test_it_keeps_the_contract_where_it_is_fitted():
    class Fitted(PostHocMixture):
        def build(self, input_shape):
            super().build(input_shape)
            size = input_shape[-1]
            self.assign_mixture(WEIGHTS, MEANS[:, :size], COVARIANCES[:, :size, :size])

    check_prior(Fitted, num_components=2)


def test_until_it_is_fitted_it_is_the_standard_normal():
    latent = np.random.default_rng(0).standard_normal((9, 3)).astype("float32")
    expected = stats.norm.logpdf(latent).sum(axis=1)
    np.testing.assert_allclose(numpy(built().prior.log_prob(latent)), expected, atol=1e-5)


def test_density_and_draws_against_scipy():
    prior = built().prior
    prior.assign_mixture(WEIGHTS, MEANS, COVARIANCES)
    latent = draws(50).astype("float32")
    np.testing.assert_allclose(numpy(prior.log_prob(latent)), exact(latent), rtol=1e-4, atol=1e-4)
    drawn = numpy(prior.sample(40_000, seed=keras.random.SeedGenerator(0)))
    mean = WEIGHTS @ MEANS
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.06)
    second = np.einsum("k,kij->ij", WEIGHTS, COVARIANCES + MEANS[:, :, None] * MEANS[:, None])
    np.testing.assert_allclose(np.cov(drawn.T), second - np.outer(mean, mean), atol=0.15)
    one = numpy(prior.sample_component(1, 20_000, seed=keras.random.SeedGenerator(0)))
    np.testing.assert_allclose(one.mean(axis=0), MEANS[1], atol=0.05)
    np.testing.assert_allclose(np.cov(one.T), COVARIANCES[1], atol=0.06)


@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_the_fit_finds_a_known_mixture(covariance):
    prior = built(covariance=covariance).prior
    prior.fit_latents(draws(4000), seed=0)
    score = numpy(prior.log_prob(draws(2000, seed=1).astype("float32"))).mean()
    best = exact(draws(2000, seed=1)).mean()
    if covariance == "full":
        order = np.argsort(-numpy(prior.means)[:, 0])
        np.testing.assert_allclose(numpy(prior.means)[order], MEANS, atol=0.1)
        assert score == pytest.approx(best, abs=0.03)
    else:
        assert score < best - 0.1
        assert not numpy(prior.factors)[0][1, 0]


@pytest.mark.parametrize("prior", ["posthoc_mixture", "mixture_of_gaussians"])
def test_a_fitted_prior_raises_the_elbo_and_changes_nothing_else(trained, prior):
    model, x = trained
    before = [numpy(weight).copy() for weight in model.weights]
    config = {"name": prior, "num_components": 4}
    fitted = fit_prior(model, x, config, epochs=30, learning_rate=0.05)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(numpy(weight), value)
    np.testing.assert_array_equal(fitted.encode(x)[0], model.encode(x)[0])
    np.testing.assert_array_equal(fitted.decode(fitted.encode(x)), model.decode(model.encode(x)))
    gain = fitted.elbo(x, num_samples=20, seed=1).mean() - model.elbo(x, 20, seed=1).mean()
    latents = model.encode(x, sample=True, seed=5)[0]
    higher = fitted.prior_log_prob(latents).mean() - model.prior_log_prob(latents).mean()
    assert gain == pytest.approx(higher, abs=0.1)
    assert gain > 0.05


def test_samples_and_graphs_come_from_it(trained, tmp_path):
    model, x = trained
    fitted = fit_prior(model, x, {"name": "posthoc_mixture", "num_components": 4})
    latents = model.encode(x, sample=True, seed=2)[0]
    drawn = fitted.sample_prior(4000, seed=0)
    np.testing.assert_allclose(drawn.mean(axis=0), latents.mean(axis=0), atol=0.15)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(latents.T), atol=0.3)
    graph = LatentGraph.from_prior(fitted, num_nodes=60, num_neighbors=6)
    np.testing.assert_array_equal(graph.nodes, fitted.sample_prior(60, seed=0))
    assert fitted.sample(5, seed=1).shape == (5, 6)
    fitted.save(tmp_path / "fitted.keras")
    again = keras.models.load_model(tmp_path / "fitted.keras")
    expected = fitted.prior_log_prob(latents)
    np.testing.assert_allclose(again.prior_log_prob(latents), expected, atol=1e-5)


@keras.saving.register_keras_serializable(package="hiervae_posthoc_tests")
class AroundExamples(Prior):
    """Normals of one learned variance around encoded examples."""

    is_exact = True
    num_examples_wanted = 20

    def build(self, input_shape):
        self.examples = self._kept((20, *self.context.event_shape), "examples")
        self.means = self._kept((20, input_shape[-1]), "means")
        self.log_variance = self.add_weight(shape=(), initializer="zeros", name="log_variance")

    def _kept(self, shape, name):
        return self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)

    def adapt(self, examples):
        self.examples.assign(examples)

    def refresh(self, encode):
        self.means.assign(encode(numpy(self.examples)))

    def check_ready(self):
        if not numpy(self.examples).any():
            raise ValueError("There are no examples yet.")

    def log_prob(self, latent, components=None, seed=None, training=False):
        log_variance = ops.convert_to_tensor(self.log_variance)
        centered = latent[:, None] - ops.convert_to_tensor(self.means)
        squares = ops.square(centered) * ops.exp(-log_variance)
        terms = -0.5 * ops.sum(squares + log_variance + np.log(2.0 * np.pi), axis=-1)
        return ops.logsumexp(terms, axis=-1) - np.log(20.0)

    def sample(self, num_samples, components=None, seed=None):
        return ops.convert_to_tensor(self.means)[:num_samples]


def test_a_prior_that_wants_examples_is_given_those_of_the_training(trained):
    model, x = trained
    fitted = fit_prior(model, x, AroundExamples(), epochs=30, learning_rate=0.05)
    kept = numpy(fitted.prior.examples)
    assert len(np.unique(kept, axis=0)) > 2
    assert (kept[:, None] == x).all(axis=-1).any(axis=-1).all()
    means = model.encode(kept)[0]
    np.testing.assert_allclose(numpy(fitted.prior.means), means, atol=1e-5)
    latents = model.encode(x, sample=True, seed=0)[0]
    squares = np.square(latents[:, None] - means).sum(axis=-1)
    grid = np.linspace(-6.0, 2.0, 400)[:, None, None]
    terms = -0.5 * squares * np.exp(-grid) - grid - np.log(2.0 * np.pi)
    scores = special.logsumexp(terms, axis=-1).mean(axis=-1) - np.log(20.0)
    assert fitted.prior_log_prob(latents).mean() == pytest.approx(scores.max(), abs=0.05)


@keras.saving.register_keras_serializable(package="hiervae_posthoc_tests")
class StartsFromExamples(Likelihood):
    """Bernoulli values whose logits have a bias that examples give."""

    num_examples_wanted = 1000

    def build(self, input_shape):
        self.head = keras.layers.Dense(6)
        self.head.build(input_shape)

    def adapt(self, examples):
        share = np.clip(examples.mean(axis=0), 0.01, 0.99)
        self.head.bias.assign(special.logit(share))

    def call(self, features, training=False):
        return ops.cast(self.head(features), "float32")

    def log_prob(self, value, parameters):
        return ops.sum(value * parameters - ops.softplus(parameters), axis=-1)

    def mean(self, parameters):
        return ops.sigmoid(parameters)

    def sample(self, parameters, seed=None):
        return ops.sigmoid(parameters)

    def reconstruction_error(self, value, parameters):
        return -self.log_prob(value, parameters)


@pytest.mark.parametrize("was_trained", [True, False])
def test_training_goes_on_from_the_learned_parts(trained, was_trained):
    x = trained[1]
    network = {"name": "mlp", "hidden_units": (4,)}
    model = HierarchicalVAE(latent_dims=2, likelihood=StartsFromExamples(), network=network, seed=0)
    model.build((None, 6))
    if was_trained:
        model.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
        model.fit(x[:50], batch_size=50, epochs=1, verbose=0)
        model.likelihood.head.bias.assign(np.full(6, 7.0))
    fitted = fit_prior(model, x, {"name": "posthoc_mixture", "num_components": 2})
    fitted.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    fitted.fit(x[:50], batch_size=50, epochs=1, verbose=0)
    start = 7.0 if was_trained else special.logit(x[:50].mean(axis=0))
    np.testing.assert_allclose(numpy(fitted.likelihood.head.bias), start, atol=0.01, rtol=0)


def test_what_cannot_be_fitted_is_refused(trained):
    model, x = trained
    with pytest.raises(ValueError, match="no weights to fit"):
        fit_prior(model, x, "standard_normal")
    with pytest.raises(ValueError, match="mixture of posteriors"):
        fit_prior(model, x, {"name": "vamp", "num_components": 3})
    with pytest.raises(ValueError, match="n >= 50"):
        fit_prior(model, x[:20])


@pytest.mark.parametrize(
    "options", [{"num_components": 0}, {"covariance": "round"}, {"regularisation": 0.0}]
)
def test_options_that_are_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        registry.create("hiervae.priors", {"name": "posthoc_mixture", **options}, Prior)


def test_a_component_that_is_none_is_refused():
    with pytest.raises(ValueError, match="from 0 to 1"):
        built().sample(3, component=2)


def test_it_is_found_by_its_entry_point():
    (point,) = entry_points(group="hiervae.priors", name="posthoc_mixture")
    assert point.load() is PostHocMixture
    assert point.dist.name == "hiervae-posthoc"
