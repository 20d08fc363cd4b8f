"""Dropout in the hidden layers of all networks."""

import keras
import numpy as np
import pytest

from hiervae import random
from hiervae.networks import MLP, Conv, GatedConv, GatedMLP
from hiervae.networks.base import build_block
from hiervae.networks.data_rows import data_in_first
from hiervae.networks.dropout import Dropout
from tests.support.models import binary_data, compiled, numpy_of, small_model, tensor

RNG = np.random.default_rng(0)
RATE = 0.4


def block_of(network):
    """A block of one hidden layer with dropout, and inputs."""
    if network in (MLP, GatedMLP):
        block, shape = network((40,), "linear", dropout=RATE).encoder_block(1, [(5,)]), (5,)
    else:
        net = network([[10, 3, 2]], activation="linear", dropout=RATE)
        block, shape = net.encoder_block(1, [(4, 4, 2)]), (4, 4, 2)
    build_block(block, [shape])
    return block, RNG.normal(size=(60, *shape)).astype("float32")


@pytest.mark.parametrize("network", [MLP, GatedMLP, Conv, GatedConv])
def test_a_feature_is_dropped_or_scaled(network):
    block, inputs = block_of(network)
    whole = numpy_of(block(tensor(inputs), training=False))
    first, second = (numpy_of(block(tensor(inputs), training=True)) for _ in range(2))
    dropped = first == 0.0
    assert not (whole == 0.0).any()
    np.testing.assert_allclose(first[~dropped], whole[~dropped] / (1 - RATE), rtol=1e-4)
    deviation = np.sqrt(RATE * (1 - RATE) / first.size)
    assert abs(dropped.mean() - RATE) < 5 * deviation
    both = (dropped & (second == 0.0)).mean()  # drawn anew, and each feature for itself
    assert abs(both - RATE**2) < 5 * deviation
    columns = dropped.reshape(len(dropped), -1)
    for axis in (0, 1):
        far = 5.5 * np.sqrt(RATE * (1 - RATE) / columns.shape[axis])
        assert np.abs(columns.mean(axis=axis) - RATE).max() < far


@pytest.mark.parametrize("network", [MLP, GatedMLP, Conv, GatedConv])
def test_pseudo_inputs_keep_all_features(network):
    block, inputs = block_of(network)
    whole = numpy_of(block(tensor(inputs), training=False))
    with data_in_first(25):
        found = numpy_of(block(tensor(inputs), training=True))
    np.testing.assert_allclose(found[25:], whole[25:], rtol=1e-5, atol=1e-6)
    assert 0.3 < (found[:25] == 0.0).mean() < 0.5


def test_dropout_is_that_of_the_noise():
    noise = RNG.uniform(size=(6, 3)).astype("float32")
    layer = Dropout(RATE)
    with random.inject_noise(lambda kind, shape: noise):
        found = numpy_of(layer(tensor(np.ones((6, 3), "float32")), training=True))
    np.testing.assert_allclose(found, (noise >= RATE) / (1 - RATE), rtol=1e-6)


def test_every_hidden_layer_drops():
    options = {"hidden_units": (4, 3), "dropout": RATE}
    for network in (MLP, GatedMLP, Conv, GatedConv):
        block = network(**options).decoder_block(1, [(2,), (5,)])
        assert sum(isinstance(each, Dropout) for each in block._flatten_layers()) == 3
    block = Conv(decoder_units=(4,), dropout=RATE).data_block([(2,)], (8, 8))
    # The dense layers to the first image, and two convolutions.
    assert sum(isinstance(each, Dropout) for each in block._flatten_layers()) == 4
    block = MLP((4, 3)).encoder_block(1, [(2,)])
    assert not any(isinstance(each, Dropout) for each in block._flatten_layers())


@pytest.mark.parametrize("prior", ["standard_normal", {"name": "vamp", "num_components": 4}])
def test_training_repeats_and_goes_on_where_a_saved_model_left_off(prior, tmp_path):
    network = {"name": "mlp", "hidden_units": (8,), "dropout": RATE}
    x = binary_data(50)

    def train(model, epochs):
        model.fit(x, batch_size=20, epochs=epochs, shuffle=False, verbose=0)
        return model

    def states(model):
        return list(map(numpy_of, model.variables))

    model, again = (train(compiled(small_model(prior=prior, network=network)), 2) for _ in range(2))
    assert all(map(np.array_equal, states(model), states(again)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert all(map(np.array_equal, states(train(model, 1)), states(train(loaded, 1))))
    scores = model.log_likelihood(x[:5], num_samples=20, seed=1, verbose=0)
    plain = {**network, "dropout": 0.0}
    without = small_model(prior=prior, network=plain)
    without.build((None, x.shape[1]))
    for one, other in zip(without.weights, model.weights, strict=True):
        one.assign(numpy_of(other))
    expected = without.log_likelihood(x[:5], num_samples=20, seed=1, verbose=0)
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


@pytest.mark.backends("torch")
def test_steps_with_dropout_are_recorded(monkeypatch):
    from hiervae.backend import torch_graph

    drawn = []
    original = torch_graph._drawn

    def noting(kind, *arguments):
        drawn.append(kind)
        return original(kind, *arguments)

    monkeypatch.setattr(torch_graph, "_drawn", noting)
    network = {"name": "gated_mlp", "hidden_units": (8,), "dropout": RATE}
    model = compiled(small_model(network=network))
    model.fit(binary_data(80), batch_size=20, epochs=2, verbose=0)
    assert drawn.count("uniform") == 2 * 7  # encoder and decoder, all steps but the first
