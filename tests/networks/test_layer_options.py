"""Batch normalisation, activations and the start of the weights, in all networks."""

import json

import keras
import numpy as np
import pytest

from hiervae import testing
from hiervae.networks import MLP, Conv, GatedConv, GatedMLP, normalization
from hiervae.networks.base import build_block
from hiervae.networks.data_rows import data_in_first
from hiervae.networks.hidden_layer import GatedDense, HiddenConv, HiddenDense
from hiervae.networks.normal_head import NormalHead
from hiervae.networks.options import PairedInitializer
from tests.networks.convolutions import convolve
from tests.support.models import numpy_of, tensor

RNG = np.random.default_rng(0)
EPSILON, MOMENTUM = 1e-3, 0.99
LEAKY = {"name": "leaky_relu", "negative_slope": 0.1}
NETWORKS = [MLP, GatedMLP, Conv, GatedConv]


def sigmoid(value):
    return 1.0 / (1.0 + np.exp(-value))


def leaky(value):
    return np.where(value > 0, value, 0.1 * value)


def gate(value):
    h, g = np.split(value, 2, axis=-1)
    return leaky(h) * sigmoid(g)


def normalise(value, mean, variance, gamma, beta):
    return gamma * (value - mean) / np.sqrt(variance + EPSILON) + beta


def moments(value):
    axes = tuple(range(value.ndim - 1))
    return value.mean(axis=axes), value.var(axis=axes)


def layer_of(network):
    """A network's hidden layer with batch normalisation, its affine map, and its nonlinearity."""
    gated = network in (GatedMLP, GatedConv)
    if network in (MLP, GatedMLP):
        net = network((3,), LEAKY, batch_norm=True)
        block, inputs = net.encoder_block(1, [(4,)]), RNG.normal(2.0, size=(9, 4))
        build_block(block, [(4,)])
        affine = np.matmul
    else:
        net = network([[3, 3, 2]], activation=LEAKY, batch_norm=True)
        block, inputs = net.encoder_block(1, [(4, 5, 2)]), RNG.normal(2.0, size=(9, 4, 5, 2))
        build_block(block, [(4, 5, 2)])
        affine = lambda images, kernel: convolve(images, kernel, (2, 2))  # noqa: E731
    for weight in block.trainable_variables:
        weight.assign(RNG.normal(size=weight.shape))
    return block, inputs.astype("float32"), affine, gate if gated else leaky


@pytest.mark.parametrize("network", NETWORKS)
def test_batch_normalisation_lies_between_affine_map_and_nonlinearity(network):
    block, inputs, affine, nonlinearity = layer_of(network)
    gamma, beta, kernel = map(numpy_of, block.trainable_variables)  # and no bias
    hidden = affine(inputs, kernel)
    mean, variance = moments(hidden)
    found = numpy_of(block(tensor(inputs), training=True))
    expected = nonlinearity(normalise(hidden, mean, variance, gamma, beta))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    moving_mean, moving_variance = map(numpy_of, block.non_trainable_variables)
    np.testing.assert_allclose(moving_mean, (1 - MOMENTUM) * mean, rtol=1e-3, atol=1e-6)
    expected = MOMENTUM + (1 - MOMENTUM) * variance
    np.testing.assert_allclose(moving_variance, expected, rtol=1e-4)
    found = numpy_of(block(tensor(inputs), training=False))
    expected = nonlinearity(normalise(hidden, moving_mean, moving_variance, gamma, beta))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("network", NETWORKS)
def test_rows_of_pseudo_inputs_are_normalised_but_not_counted(network, monkeypatch):
    monkeypatch.setattr(normalization, "FEWEST_ROWS", 5)
    block, inputs, affine, nonlinearity = layer_of(network)
    inputs[5:] *= 30.0
    gamma, beta, kernel = map(numpy_of, block.trainable_variables)
    hidden = affine(inputs, kernel)
    mean, variance = moments(hidden[:5])
    with data_in_first(5):
        found = numpy_of(block(tensor(inputs), training=True))
    expected = nonlinearity(normalise(hidden, mean, variance, gamma, beta))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    moving_mean = numpy_of(block.non_trainable_variables[0])
    np.testing.assert_allclose(moving_mean, (1 - MOMENTUM) * mean, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("units", [1, 2])
def test_a_single_channel_keeps_its_shape(units, monkeypatch):
    monkeypatch.setattr(normalization, "FEWEST_ROWS", 4)
    layer = HiddenDense(units, "linear", batch_norm=True)
    layer.build((None, 3))
    inputs = RNG.normal(size=(6, 3)).astype("float32")
    with data_in_first(4):
        found = numpy_of(layer(tensor(inputs), training=True))
    hidden = inputs @ numpy_of(layer.dense.kernel)
    mean, variance = moments(hidden[:4])
    np.testing.assert_allclose(found, normalise(hidden, mean, variance, 1.0, 0.0), 1e-3, 1e-4)
    assert [tuple(weight.shape) for weight in layer.non_trainable_variables] == [(units,)] * 2


def test_every_hidden_layer_is_normalised():
    for network in NETWORKS:
        block = network(hidden_units=(4, 3), batch_norm=True).decoder_block(1, [(2,), (5,)])
        build_block(block, [(2,), (5,)])
        assert len(block.non_trainable_variables) == 2 * 3
        assert len(block.trainable_variables) == 3 * 3
    block = Conv(decoder_units=(4,), batch_norm=True).data_block([(2,)], (8, 8))
    build_block(block, [(2,)])
    assert len(block.non_trainable_variables) == 2 * 4


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("tanh", np.tanh),
        ("leaky_relu", lambda x: np.where(x > 0, x, 0.2 * x)),
        ({"name": "leaky_relu"}, lambda x: np.where(x > 0, x, 0.2 * x)),
        (LEAKY, leaky),
        ({"name": "elu", "alpha": 0.5}, lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    ],
)
def test_activations(activation, function):
    block = MLP((3,), activation).encoder_block(1, [(4,)])
    build_block(block, [(4,)])
    kernel = numpy_of(block.trainable_variables[0])
    inputs = RNG.normal(size=(5, 4)).astype("float32")
    found = numpy_of(block(tensor(inputs)))
    np.testing.assert_allclose(found, function(inputs @ kernel), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_start_of_the_weights(network):
    shape = (8, 8) if network in (Conv, GatedConv) else (64,)
    start = {"name": "random_normal", "stddev": 0.02}
    options = {"hidden_units": (200,), "kernel_initializer": start}
    net = network(**options)
    kernels = []
    for block, taken in (
        (net.encoder_block(1, [shape]), [shape]),
        (net.decoder_block(1, [(64,)]), [(64,)]),
        (net.decoder_block(2, [(64,)]), [(64,)]),
    ):
        build_block(block, taken)
        kernels += [numpy_of(weight) for weight in block.trainable_variables[::2]]
    large = [kernel for kernel in kernels if kernel.size > 5000]
    assert len(large) >= 3
    for kernel in large:
        assert np.std(kernel) == pytest.approx(0.02, rel=0.1)
        assert np.mean(kernel) == pytest.approx(0.0, abs=0.002)
    assert (kernels[-1] != kernels[-2]).all()


def test_glorot_and_he_start():
    for name, variance in (("glorot_uniform", 2 / 700), ("he_normal", 2 / 300)):
        block = MLP((400,), kernel_initializer=name).encoder_block(1, [(300,)])
        build_block(block, [(300,)])
        kernel = numpy_of(block.trainable_variables[0])
        assert np.var(kernel) == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "swoosh"}, "activation='swoosh': expected a name.*such as"),
        ({"activation": {"name": "swoosh"}}, "activation='swoosh': expected a name"),
        ({"activation": None}, "activation=None.*expected a name.*leaky_relu"),
        ({"activation": {"negative_slope": 0.1}}, "activation=.*expected a name"),
        ({"activation": {"name": "tanh", "slope": 0.1}}, "does not take these arguments"),
        ({"activation": np.tanh}, "expected a name"),
        ({"batch_norm": 1}, "batch_norm=1: expected True or False"),
        ({"dropout": 1.0}, "dropout=1.0: expected a number from 0.0 to 0.99"),
        ({"dropout": -0.1}, "dropout=-0.1: expected a number from 0.0 to 0.99"),
        ({"dropout": "0.1"}, "dropout='0.1': expected a number"),
        ({"kernel_initializer": "he"}, "kernel_initializer='he': expected a name.*such as"),
        ({"kernel_initializer": {"name": "he"}}, "kernel_initializer='he': expected a name"),
        ({"kernel_initializer": 0.02}, "kernel_initializer=0.02.*stddev"),
        ({"kernel_initializer": {"name": "random_normal", "sd": 1.0}}, "does not take these"),
    ],
)
def test_bad_options_are_refused(network, options, message):
    with pytest.raises(ValueError, match=message):
        network(**options)


@pytest.mark.parametrize("network", [MLP, GatedMLP])
def test_config_round_trip(network):
    net = network(((3,), (4,)), LEAKY, batch_norm=True, kernel_initializer={"name": "zeros"})
    config = net.get_config()
    assert network.from_config(json.loads(json.dumps(config))).get_config() == config
    assert network.from_config({"hidden_units": (3,)}).get_config()["batch_norm"] is False


@pytest.mark.parametrize("kind", [HiddenDense, GatedDense])
def test_layers_survive_keras_serialisation(kind):
    layer = kind(3, LEAKY, batch_norm=True, kernel_initializer="ones")
    again = kind.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert isinstance(again, keras.layers.Layer)


@pytest.mark.compiles(0)
def test_normalised_layers_pass_the_checks():
    testing.check_network(
        "conv",
        event_shape=(7, 5),
        encoder_layers=[[3, 3, 2]],
        decoder_layers=[[3, 4, 2], [2, 3, 1]],
        hidden_units=(6,),
        activation=LEAKY,
        batch_norm=True,
    )


def halves(kernel, axis=-1):
    first, second = np.split(numpy_of(kernel), 2, axis=axis)
    assert (first != second).mean() > 0.99  # single values may be equal
    return first, second


def test_each_map_of_a_pair_starts_by_itself():
    """Glorot's and He's variances with the fans of one map, as the papers have two."""
    for name, variance in (("glorot_uniform", 2 / 700), ("he_normal", 2 / 300)):
        layer = GatedDense(400, kernel_initializer=name)
        layer.build((None, 300))
        for kernel in halves(layer.dense.kernel):
            assert np.var(kernel) == pytest.approx(variance, rel=0.03)
    convolution = {"activation": "linear", "gated": True, "batch_norm": False}
    for size, axis in ((None, -1), ((8, 8), -2)):
        layer = HiddenConv(60, 3, (2, 2), size, kernel_initializer="glorot_uniform", **convolution)
        layer.build((None, 4, 4, 40))
        for kernel in halves(layer.conv.kernel, axis):
            assert np.var(kernel) == pytest.approx(2 / (9 * 100), rel=0.03)
    for scale in (1.0, 0.1):
        head = NormalHead(100, initial_scale=scale)
        head.build((None, 300))
        for kernel in halves(head.dense.kernel):
            assert np.var(kernel) == pytest.approx(scale**2 * 2 / 400, rel=0.03)
    config = head.dense.kernel_initializer.get_config()
    again = PairedInitializer(**config)
    assert again.get_config() == config
