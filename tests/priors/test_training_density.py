"""What a prior may make of the examples in a training step."""

import keras
import numpy as np
import pytest
from keras import ops

from hiervae import HierarchicalVAE
from hiervae.distributions import DiagonalNormal
from hiervae.priors import Prior
from tests.support.noise import same_noise_everywhere

BATCH, SAMPLES = 4, 3


class Nearby(Prior):
    """N(0, I); in training, a density around each example's own posterior mean, plus its sum."""

    is_exact = True

    def build(self, input_shape):
        self.size = input_shape[-1]

    def log_prob(self, latent, components=None, seed=None, training=False):
        zeros = ops.zeros((1, self.size))
        return DiagonalNormal(zeros, zeros).log_prob(latent)

    def log_prob_in_training(self, latent, inputs, encode, components=None, seed=None):
        mean = encode(inputs).mean
        near = DiagonalNormal(mean, ops.zeros_like(mean)).log_prob(latent)
        return near + ops.sum(inputs, axis=-1)

    def sample(self, num_samples, components=None, seed=None):
        return ops.zeros((num_samples, self.size))


@pytest.fixture
def model():
    network = {"name": "mlp", "hidden_units": (8,)}
    built = HierarchicalVAE(
        latent_dims=(3, 2),
        prior=Nearby(),
        inference="top_down",
        network=network,
        num_samples=SAMPLES,
        seed=0,
    )
    built.build((None, 6))
    return built


def kl(model, x, training):
    with same_noise_everywhere():
        terms = model(ops.convert_to_tensor(x), training=training, return_terms=True)
    return {name: ops.convert_to_numpy(values) for name, values in terms.kl.items()}


def test_training_asks_with_the_example_of_each_latent(model):
    x = (np.random.default_rng(0).random((BATCH, 6)) < 0.5).astype("float32")
    with same_noise_everywhere():
        top = model.inference.infer(ops.convert_to_tensor(x), num_samples=SAMPLES).levels[-1]
    latent = ops.convert_to_numpy(top.latent).reshape(SAMPLES, BATCH, 2)
    mean = model.encode(x)[1]
    plain, trained = kl(model, x, training=False), kl(model, x, training=True)
    gain = -0.5 * np.square(latent - mean).sum(-1) + 0.5 * np.square(latent).sum(-1) + x.sum(-1)
    np.testing.assert_allclose(plain["kl_2"] - trained["kl_2"], gain, atol=1e-4)
    np.testing.assert_allclose(plain["kl_1"], trained["kl_1"], atol=1e-5)


def test_fit_asks_and_evaluation_does_not(model):
    x = np.ones((BATCH, 6), dtype="float32")
    model.compile(keras.optimizers.SGD(0.0))
    logs = {name: values[0] for name, values in model.fit(x, verbose=0).history.items()}
    logs_of_evaluation = model.evaluate(x, verbose=0, return_dict=True)
    assert logs_of_evaluation["kl"] - logs["kl"] > 4.0
    elbo = model.elbo(x, num_samples=200).mean()
    assert logs_of_evaluation["elbo"] == pytest.approx(elbo, abs=2.5)
