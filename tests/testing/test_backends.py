"""Whether a model is the same where another backend loads it."""

import keras
import numpy as np
import pytest

from hiervae import HierarchicalVAE
from hiervae.testing import ConformanceError, backends, check_on_another_backend, other_backends

X = np.eye(4, dtype="float32")


@pytest.fixture(scope="module")
def model():
    model = HierarchicalVAE(latent_dims=2, network={"name": "mlp", "hidden_units": (6,)}, seed=0)
    model.build((None, 4))
    return model


def test_the_own_backend_is_no_other_one():
    assert keras.backend.backend() not in other_backends()
    assert set(other_backends()) < set(backends.BACKENDS)


@pytest.mark.compiles(1)
@pytest.mark.parametrize("backend", [*other_backends(), keras.backend.backend()])
def test_a_model_of_built_in_parts_is_the_same(model, backend):
    check_on_another_backend(model, X, backend)


@pytest.mark.compiles(0)
def test_outputs_that_differ_are_named(model, monkeypatch):
    def shifted(*arguments, real=backends.outputs_of):
        return {
            name: value + (name == "log-likelihoods") for name, value in real(*arguments).items()
        }

    monkeypatch.setattr(backends, "outputs_of", shifted)
    with pytest.raises(ConformanceError, match="log-likelihoods on .* differ by up to 1"):
        check_on_another_backend(model, X, keras.backend.backend())


def test_a_model_that_does_not_load_says_why(model):
    with pytest.raises(ConformanceError, match="'.*nowhere.*' on nowhere") as caught:
        check_on_another_backend(model, X, "nowhere")
    assert caught.value.check == "backends"


def test_a_prior_that_estimates_its_density_is_not_compared_by_it(model):
    latent = np.zeros((2, 2), dtype="float32")
    assert len(backends.outputs_of(model, X, latent)) == 3
    estimated = HierarchicalVAE(
        latent_dims=2,
        prior={"name": "vhp", "latent_dim": 2, "network": {"name": "mlp", "hidden_units": (4,)}},
        network={"name": "mlp", "hidden_units": (4,)},
        seed=0,
    )
    estimated.build((None, 4))
    assert len(backends.outputs_of(estimated, X, latent)) == 2
