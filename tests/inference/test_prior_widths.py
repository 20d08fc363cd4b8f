"""The widths of the networks of p(z_l | z_{l+1}, ...), which mirror the encoder's."""

import keras
import numpy as np
import pytest

import hiervae
from hiervae import presets
from hiervae.inference.bottom_up import BottomUp
from hiervae.inference.ladder import Ladder
from tests.support.models import numpy_of

UNITS = ((9, 8), (7, 6), (5, 4))
X = np.random.default_rng(0).integers(0, 2, size=(6, 5)).astype("float32")


def model_of(inference):
    model = hiervae.HierarchicalVAE(
        latent_dims=(3, 2, 2),
        inference=inference,
        network={"name": "mlp", "hidden_units": UNITS},
        seed=0,
    )
    model.build((None, 5))
    return model


def widths(block):
    """The layers' sizes; layers of the same size stand beside each other for several inputs."""
    sizes = [weight.shape[-1] for weight in block.trainable_variables if len(weight.shape) == 2]
    return tuple(dict.fromkeys(sizes))


@pytest.mark.parametrize("name", ["bottom_up", "ladder", "top_down"])
def test_blocks_of_conditional_priors_are_those_of_the_level_they_come_from(name):
    scheme = model_of(name).inference
    assert [widths(block) for block in scheme.decoders] == [(7, 6), (5, 4)]
    assert widths(scheme.data_block) == (9, 8)


def test_the_posterior_s_own_top_down_network_too():
    scheme = model_of({"name": "ladder", "share_top_down": False}).inference
    assert [widths(block) for block in scheme.top_down_blocks] == [(7, 6), (5, 4)]


@pytest.mark.parametrize("name", ["ladder_vae", "bottom_up_vae"])
def test_the_five_levels_of_the_papers(name):
    model = presets.build(name, input_shape=(784,))
    model.build((None, 784))
    found = [widths(block) for block in model.inference.decoders]
    assert found == [(256,), (128,), (64,), (32,)]
    assert widths(model.inference.data_block) == (512,)


def test_the_two_levels_of_the_iwae():
    """Burda et al. (2016): 200-200 between x and z_1, 100-100 between z_1 and z_2."""
    network = {"name": "mlp", "hidden_units": ((200, 200), (100, 100))}
    model = hiervae.HierarchicalVAE((100, 50), "bottom_up", network=network)
    model.build((None, 784))
    blocks = [*model.inference.encoders, *model.inference.decoders, model.inference.data_block]
    assert [widths(block) for block in blocks] == [(200,), (100,), (100,), (200,)]


def test_models_saved_before_keep_their_widths(tmp_path):
    """Their configs lack the option, and their blocks have the number of the lower level."""
    model = model_of({"name": "ladder", "prior_block_level": "own"})
    assert [widths(block) for block in model.inference.decoders] == [(9, 8), (7, 6)]
    config = model.inference.get_config()
    del config["prior_block_level"]
    assert type(model.inference).from_config(config).prior_block_level == "own"
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for found, expected in zip(loaded.encode(X), model.encode(X), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    weights = zip(loaded.weights, model.weights, strict=True)
    assert all((numpy_of(a) == numpy_of(b)).all() for a, b in weights)


def test_an_unknown_choice():
    with pytest.raises(ValueError, match="prior_block_level='below'.*'above', 'own'"):
        Ladder(prior_block_level="below")


@keras.saving.register_keras_serializable(package="tests.prior_widths")
class Tempered(BottomUp):
    """A scheme with an option of its own alone."""

    def __init__(self, temperature=1.0):
        super().__init__()
        self.temperature = temperature

    def get_config(self):
        return {"temperature": self.temperature}


def test_a_subclass_with_options_of_its_own_alone_is_loaded(tmp_path):
    model = model_of(Tempered(0.5))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.inference.temperature == 0.5
    np.testing.assert_array_equal(loaded.encode(X)[0], model.encode(X)[0])
