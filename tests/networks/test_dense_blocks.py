"""The multilayer perceptrons against NumPy."""

import keras
import numpy as np
import pytest

from hiervae.networks import MLP, GatedMLP
from hiervae.networks.base import build_block
from tests.support.models import numpy_of, tensor

RNG = np.random.default_rng(0)


def sigmoid(value):
    return 1.0 / (1.0 + np.exp(-value))


def dense(inputs, kernel, bias):
    return np.maximum(inputs @ kernel + bias, 0.0)


def gated(inputs, kernel, bias):
    value, gate = np.split(inputs @ kernel + bias, 2, axis=-1)
    return value * sigmoid(gate)


def randomised(block):
    """The block's weights, set to random numbers, as (kernel, bias) pairs."""
    for weight in block.trainable_variables:
        weight.assign(RNG.normal(size=weight.shape))
    weights = [numpy_of(weight) for weight in block.trainable_variables]
    return list(zip(weights[::2], weights[1::2], strict=True))


@pytest.mark.parametrize(("network", "layer"), [(MLP, dense), (GatedMLP, gated)])
def test_one_input_of_any_shape(network, layer):
    block = network((5, 4)).encoder_block(1, [(3, 2)])
    assert build_block(block, [(3, 2)]) == (4,)
    first, second = randomised(block)
    inputs = RNG.normal(size=(7, 3, 2)).astype("float32")
    expected = layer(layer(inputs.reshape(7, 6), *first), *second)
    np.testing.assert_allclose(numpy_of(block(tensor(inputs))), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("network", "layer"), [(MLP, dense), (GatedMLP, gated)])
def test_several_inputs_have_first_layers_of_their_own(network, layer):
    block = network((5, 4)).decoder_block(1, [(3,), (2, 2)])
    assert build_block(block, [(3,), (2, 2)]) == (4,)
    left, right, second = randomised(block)
    a = RNG.normal(size=(7, 3)).astype("float32")
    b = RNG.normal(size=(7, 2, 2)).astype("float32")
    joined = np.concatenate([layer(a, *left), layer(b.reshape(7, 4), *right)], axis=-1)
    found = numpy_of(block([tensor(a), tensor(b)]))
    np.testing.assert_allclose(found, layer(joined, *second), rtol=1e-4, atol=1e-4)


def test_every_block_has_weights_of_its_own():
    network = MLP((5,))
    blocks = [
        network.encoder_block(1, [(3,)]),
        network.encoder_block(1, [(3,)]),
        network.decoder_block(1, [(3,)]),
        network.data_block([(3,)], (6,)),
    ]
    for block in blocks:
        build_block(block, [(3,)])
    weights = [id(weight) for block in blocks for weight in block.trainable_variables]
    assert len(set(weights)) == len(weights) == 8


def test_sizes_a_level():
    network = MLP(((8, 6), (4,)))
    assert build_block(network.encoder_block(1, [(3,)]), [(3,)]) == (6,)
    assert build_block(network.encoder_block(2, [(3,)]), [(3,)]) == (4,)
    assert build_block(network.data_block([(3,)], (6,)), [(3,)]) == (6,)
    with pytest.raises(ValueError, match="2 levels, but level 3 needs") as error:
        network.encoder_block(3, [(3,)])
    assert "one tuple per level, or one for all" in str(error.value)


@pytest.mark.parametrize(
    "hidden_units", [(), 0, -3, (300, 0), (300, -1), "300", (300.5,), True, None, ((3,), 4), [[]]]
)
@pytest.mark.parametrize("network", [MLP, GatedMLP])
def test_bad_sizes(network, hidden_units):
    with pytest.raises(ValueError, match="hidden_units=.*Expected positive integers.*such as"):
        network(hidden_units)


def test_unknown_activation():
    with pytest.raises(ValueError, match="swoosh"):
        MLP((3,), activation="swoosh")


@pytest.mark.parametrize("network", [MLP((5, 4), "tanh"), GatedMLP(((5,), (4,)), "relu")])
def test_config_round_trip(network):
    config = network.get_config()
    assert type(network).from_config(config).get_config() == config


@pytest.mark.parametrize("network", [MLP, GatedMLP])
def test_activation_is_applied(network):
    block = network((3,), activation="tanh").encoder_block(1, [(2,)])
    build_block(block, [(2,)])
    ((kernel, bias),) = randomised(block)
    inputs = RNG.normal(size=(4, 2)).astype("float32")
    outputs = inputs @ kernel + bias
    if network is MLP:
        expected = np.tanh(outputs)
    else:
        value, gate = np.split(outputs, 2, axis=-1)
        expected = np.tanh(value) * sigmoid(gate)
    np.testing.assert_allclose(numpy_of(block(tensor(inputs))), expected, rtol=1e-4, atol=1e-5)


def test_gated_layer_survives_keras_serialisation():
    from hiervae.networks.hidden_layer import GatedDense

    layer = GatedDense(3, activation="tanh", name="g")
    assert GatedDense.from_config(layer.get_config()).get_config() == layer.get_config()
    assert layer.compute_output_shape((None, 2)) == (None, 3)
    assert isinstance(layer, keras.layers.Layer)
