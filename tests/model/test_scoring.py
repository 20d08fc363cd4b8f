"""Scores against a slow path, their independence of passes, and scoring that goes on."""

import keras
import numpy as np
import pytest
from scipy.special import logsumexp

from hiervae.inference.bottom_up import BottomUp
from hiervae.inference.top_down import TopDown
from hiervae.likelihoods.bernoulli import Bernoulli
from hiervae.model.scores import Scores
from hiervae.priors.standard_normal import StandardNormal
from tests.support.models import EVENT_SIZE, binary_data, numpy_of, small_model, vhp
from tests.support.noise import same_noise_everywhere

X = binary_data(13)
VAMP = {"name": "vamp", "num_components": 3, "initial_mean": 0.5, "initial_stddev": 0.2}
SCHEMES = {
    "one level": ("bottom_up", 3),
    "bottom_up": ("bottom_up", (3, 2)),
    "top_down": ("top_down", (4, 3, 2)),
    "ladder": ("ladder", (3, 2)),
    "own ladder": ({"name": "ladder", "share_top_down": False}, (3, 2)),
    "vlae": ("vlae", (3, 2)),
}
PRIORS = {
    "standard_normal": "standard_normal",
    "mixture": {"name": "mixture_of_gaussians", "num_components": 3},
    "vamp": VAMP,
    "vhp": vhp(),
}
NETWORKS = {
    "mlp": {"name": "mlp", "hidden_units": (7, 6), "activation": "tanh"},
    "one layer": {"name": "gated_mlp", "hidden_units": (7,)},
    "gated": {"name": "gated_mlp", "hidden_units": (7, 6), "batch_norm": True},
}


def made(scheme, prior, network="mlp", **options):
    inference, dims = SCHEMES[scheme]
    network = NETWORKS.get(network, network)
    prior = PRIORS[prior] if isinstance(prior, str) else prior
    options = {"inference": inference, "prior": prior, "network": network, **options}
    model = small_model(latent_dims=dims, **options)
    model.build((None, EVENT_SIZE))
    rng = np.random.default_rng(3)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0.0, 0.2, weight.shape).astype("float32"))
    return model


def log_weights(model, x, num_samples, closed_form=False):
    """By the pass of the training step, which encodes x for each sample."""
    terms = model.terms(x, num_samples=num_samples, closed_form=closed_form)
    return numpy_of(terms.log_likelihood - terms.total_kl)


@pytest.mark.compiles(4)
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_scores_are_those_of_the_pass_of_training(scheme, prior):
    model = made(scheme, prior)
    with same_noise_everywhere():
        weights, bounds = log_weights(model, X, 6), log_weights(model, X, 6, closed_form=True)
        scores = model.score(X, 6, batch_size=len(X), verbose=0)
        elbo = model.elbo(X, 6, batch_size=len(X))
    np.testing.assert_allclose(elbo, bounds.mean(axis=0), rtol=1e-4)
    expected = logsumexp(weights, axis=0)
    np.testing.assert_allclose(scores.log_likelihood, expected - np.log(6), rtol=1e-4)
    share = np.exp(logsumexp(2 * weights, axis=0) - 2 * expected)
    np.testing.assert_allclose(scores.effective_sample_size, 1 / share, rtol=1e-3)
    np.testing.assert_allclose(scores.standard_error**2, share - 1 / 6, atol=1e-4)


@pytest.mark.compiles(1)
@pytest.mark.parametrize("network", ["one layer", "gated"])
@pytest.mark.parametrize("scheme", ["top_down", "ladder"])
def test_scores_of_other_networks(scheme, network):
    model = made(scheme, "vamp", network)
    with same_noise_everywhere():
        expected = logsumexp(log_weights(model, X, 5), axis=0) - np.log(5)
        found = model.log_likelihood(X, 5, batch_size=len(X), verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.compiles(1)
@pytest.mark.parametrize("dims", [(4, 3), ((3, 3, 2), 3)], ids=["vectors", "maps"])
def test_scores_of_convolutions(dims):
    network = {"name": "gated_conv", "encoder_layers": ((4, 3, 2), (2, 3, 1)), "hidden_units": 5}
    model = small_model(latent_dims=dims, inference="top_down", network=network)
    images = binary_data(4, 36).reshape(4, 6, 6)
    model.build((None, 6, 6))
    with same_noise_everywhere():
        expected = logsumexp(log_weights(model, images, 3), axis=0) - np.log(3)
        found = model.log_likelihood(images, 3, batch_size=4, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_scores_in_half_precision():
    model = made("top_down", "vamp", dtype="mixed_bfloat16")
    with same_noise_everywhere():
        expected = logsumexp(log_weights(model, X, 5), axis=0) - np.log(5)
        found = model.log_likelihood(X, 5, batch_size=len(X), verbose=0)
    np.testing.assert_allclose(found, expected, rtol=0.05)


@pytest.mark.compiles(1)
@pytest.mark.parametrize(
    ("scheme", "prior"),
    [
        ("one level", "vhp"),
        ("bottom_up", "vamp"),
        ("bottom_up", "standard_normal"),
        ("top_down", "vamp"),
        ("ladder", "mixture"),
        ("vlae", "vamp"),
    ],
)
def test_passes_change_nothing_but_rounding(scheme, prior):
    model = made(scheme, prior)
    whole = model.score(X, 130, batch_size=13, seed=4, verbose=0)
    bound = model.elbo(X, 5, batch_size=13, seed=4)
    for batch_size, rows in ((13, 500), (5, 140), (3, 1000)):
        parts = model.score(X, 130, batch_size, seed=4, verbose=0, rows_per_pass=rows)
        np.testing.assert_allclose(parts.log_likelihood, whole.log_likelihood, rtol=1e-5)
        np.testing.assert_allclose(
            parts.effective_sample_size, whole.effective_sample_size, rtol=1e-3
        )
        np.testing.assert_allclose(
            model.elbo(X, 5, batch_size, seed=4, rows_per_pass=rows), bound, rtol=1e-5
        )
    other = model.log_likelihood(X, 130, batch_size=13, seed=5, verbose=0)
    assert np.abs(other - whole.log_likelihood).min() > 0.0


def test_scores_are_the_same_on_every_backend():
    """Of weights, data and a seed; another stream of random numbers would change them."""
    found = made("top_down", "vamp").log_likelihood(X[:3], 50, seed=1, verbose=0)
    np.testing.assert_allclose(found, EXPECTED, rtol=1e-5)


EXPECTED = [-4.067309, -4.056135, -4.090232]


def test_equal_examples_have_noise_of_their_own():
    model = made("one level", "standard_normal")
    scores = model.log_likelihood(np.repeat(X[:1], 3, axis=0), 10, verbose=0)
    assert len(set(scores)) == 3
    first, second = (model.log_likelihood(X, 10, seed=None, verbose=0) for _ in range(2))
    assert not np.any(first == second)


class OwnScheme(BottomUp):
    """One of a user's own, written before there were two stages."""

    def infer(
        self, inputs, pseudo_inputs=None, num_samples=1, sample=True, seed=None, training=False
    ):
        return super().infer(1.0 - inputs, pseudo_inputs, num_samples, sample, seed, training)


class OwnLikelihood(Bernoulli):
    """Twice the log-probability."""

    def log_prob(self, value, parameters):
        return 2.0 * super().log_prob(value, parameters)


class NoisyPrior(StandardNormal):
    """Draws with Keras, and not through the package."""

    def distribution(self):
        return None

    def log_prob(self, latent, components=None, seed=None, training=False):
        noise = keras.random.normal(keras.ops.shape(latent), seed=seed)
        return keras.ops.sum(-0.5 * keras.ops.square(latent) + noise, axis=-1)


def test_what_a_subclass_replaces_is_used():
    for options in ({"inference": OwnScheme()}, {"likelihood": OwnLikelihood()}):
        model = made("one level", "standard_normal", **options)
        with same_noise_everywhere():
            expected = logsumexp(log_weights(model, X, 5), axis=0) - np.log(5)
            found = model.log_likelihood(X, 5, batch_size=len(X), verbose=0)
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_parts_may_draw_with_keras():
    model = made("one level", NoisyPrior())
    first, second = (model.log_likelihood(X, 300, verbose=0) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.ptp(model.log_likelihood(np.repeat(X[:1], 5, axis=0), 300, verbose=0)) > 1e-3


def test_nothing_is_compiled_for_each_number(monkeypatch):
    model = made("top_down", "vamp")
    traced, infer = [], TopDown.infer_encoded

    def counting(self, encoded, num_samples=1, sample=True, seed=None):
        traced.append(num_samples)
        return infer(self, encoded, num_samples, sample, seed)

    monkeypatch.setattr(TopDown, "infer_encoded", counting)
    for num_samples in (200, 150, 180, 40):
        model.log_likelihood(X, num_samples, rows_per_pass=13 * 20, verbose=0)
    assert len(set(traced)) <= 4
    if keras.backend.backend() != "torch":  # where nothing is compiled
        assert len(traced) <= 12


class StopHereError(Exception):
    """What interrupts a scoring."""


def interrupted(model, x, path, **options):
    def stop(done):
        if done >= 6:
            raise StopHereError

    with pytest.raises(StopHereError):
        model.score(x, 20, batch_size=3, resume_file=path, progress=stop, verbose=0, **options)


@pytest.mark.parametrize("name", ["scores.npz", "scores", "scores.tmp"])
def test_an_interrupted_scoring_goes_on(tmp_path, name):
    model, path = made("top_down", "vhp"), tmp_path / name
    whole = model.score(X, 20, batch_size=13, verbose=0)
    interrupted(model, X, path)
    done = []
    resumed = model.score(X, 20, batch_size=4, resume_file=path, progress=done.append, verbose=0)
    assert done == [10, 13]
    np.testing.assert_allclose(resumed.log_likelihood, whole.log_likelihood, rtol=1e-5)
    np.testing.assert_allclose(resumed.standard_error, whole.standard_error, atol=1e-4)
    assert not list(tmp_path.iterdir())


@pytest.mark.compiles(1)
@pytest.mark.parametrize("other", ["examples", "seed", "weights", "damaged"])
def test_scores_of_something_else_are_not_gone_on_with(tmp_path, other):
    model, path = made("one level", "vamp"), tmp_path / "scores.npz"
    interrupted(model, X, path)
    x, seed, message = X, 0, "another model, or of other examples or settings; scoring begins anew"
    if other == "examples":
        x = 1.0 - X
    elif other == "seed":
        seed = 1
    elif other == "weights":
        weight = model.trainable_variables[0]
        weight.assign(weight + 0.1)
    else:
        path.write_bytes(path.read_bytes()[:40])
        message = "cannot be read; scoring begins anew"
    done = []
    with pytest.warns(UserWarning, match=message):
        model.score(x, 20, 13, seed, 0, resume_file=path, progress=done.append)
    assert done == [13]


def test_degenerate_weights_are_told():
    model = made("one level", "standard_normal")
    model.log_likelihood(X, 200, verbose=0)
    for weight in model.likelihood.trainable_variables:
        weight.assign(60.0 * weight)
    with pytest.warns(UserWarning, match=r"of \d+ of 13 examples have an effective sample size"):
        model.log_likelihood(X, 200, verbose=0)


def test_scores_from_sums():
    weights = np.random.default_rng(0).gamma(1.0, size=(50, 4))
    peak = np.log(weights).max(axis=0)
    scaled = weights / np.exp(peak)
    scores = Scores.from_sums(np.stack([peak, scaled.sum(0), (scaled**2).sum(0)]), 50)
    np.testing.assert_allclose(scores.log_likelihood, np.log(weights.mean(axis=0)))
    expected = weights.std(axis=0) / weights.mean(axis=0) / np.sqrt(50)
    np.testing.assert_allclose(scores.standard_error, expected)
    np.testing.assert_allclose(
        scores.effective_sample_size, weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0)
    )


def test_one_weight_says_nothing_of_the_spread_of_weights():
    scores = Scores.from_sums(np.stack([[-3.0, -4.0], np.ones(2), np.ones(2)]), 1)
    np.testing.assert_array_equal(scores.log_likelihood, [-3.0, -4.0])
    assert np.isnan([scores.effective_sample_size, scores.standard_error]).all()
    assert scores.num_degenerate == 0


def test_the_standard_error_is_that_of_repeated_estimates():
    model = made("one level", "mixture")
    scores = model.score(np.repeat(X[:2], 400, axis=0), 200, batch_size=800, verbose=0)
    spread = scores.log_likelihood.reshape(2, 400).std(axis=1)
    told = scores.standard_error.reshape(2, 400).mean(axis=1)
    np.testing.assert_allclose(told, spread, rtol=0.2)
