"""The convolutional networks against convolutions written out in NumPy."""

import json

import numpy as np
import pytest

import hiervae
from hiervae.networks import Conv, GatedConv
from hiervae.networks.base import build_block
from tests.networks.convolutions import convolve, convolve_transposed
from tests.support.models import numpy_of, tensor

RNG = np.random.default_rng(0)
LINEAR = {"activation": "linear"}


def sigmoid(value):
    return 1.0 / (1.0 + np.exp(-value))


def gate(value):
    h, g = np.split(value, 2, axis=-1)
    return h * sigmoid(g)


def tanh(value):
    return np.tanh(value)


NETWORKS = [(Conv, "tanh", tanh), (GatedConv, "linear", gate)]


def randomised(block):
    """The block's weights, set to random numbers, as (kernel, bias) pairs."""
    for weight in block.trainable_variables:
        weight.assign(RNG.normal(size=weight.shape, scale=0.4))
    weights = [numpy_of(weight) for weight in block.trainable_variables]
    return list(zip(weights[::2], weights[1::2], strict=True))


def images(*shape):
    return RNG.normal(size=shape).astype("float32")


def assert_output(block, inputs, expected):
    tensors = [tensor(each) for each in inputs]
    found = numpy_of(block(tensors[0] if len(tensors) == 1 else tensors))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("network", "activation", "nonlinearity"), NETWORKS)
@pytest.mark.parametrize("shape", [(5, 7, 2), (6, 4)])
def test_an_encoder_convolves_images_of_any_size(network, activation, nonlinearity, shape):
    layers = [[3, 3, 1], {"filters": 4, "kernel_size": 4, "strides": 2}]
    block = network(layers, activation=activation).encoder_block(1, [shape])
    assert build_block(block, [shape]) == (3, 4 if shape[1] == 7 else 2, 4)
    (kernel, bias), (kernel_2, bias_2) = randomised(block)
    x = images(2, *shape)
    with_channels = x.reshape(2, *shape[:2], -1)
    hidden = nonlinearity(convolve(with_channels, kernel, (1, 1)) + bias)
    assert_output(block, [x], nonlinearity(convolve(hidden, kernel_2, (2, 2)) + bias_2))


@pytest.mark.parametrize(("network", "activation", "nonlinearity"), NETWORKS)
@pytest.mark.parametrize(
    ("shape", "kernel_size", "stride"),
    [((5, 7, 2), 4, 2), ((5, 7, 2), 3, 2), ((6, 4), 5, 3), ((6, 4), 2, 3)],
)
def test_a_decoder_convolves_up_to_the_size_of_an_example(
    network, activation, nonlinearity, shape, kernel_size, stride
):
    net = network(
        decoder_layers=[[3, kernel_size, stride], [2, 3]],
        decoder_units=(4,),
        decoder_channels=2,
        activation=activation,
    )
    first = tuple(-(-edge // stride) for edge in shape[:2])
    block = net.data_block([(3,)], shape)
    assert build_block(block, [(3,)]) == (*shape[:2], 2)
    (dense, dense_bias), (to_image, image_bias), (kernel, bias), (last, last_bias) = randomised(
        block
    )
    z = images(2, 3)
    hidden = nonlinearity(nonlinearity(z @ dense + dense_bias) @ to_image + image_bias)
    hidden = hidden.reshape(2, *first, 2)
    hidden = nonlinearity(convolve_transposed(hidden, kernel, stride, shape[:2]) + bias)
    assert_output(block, [z], nonlinearity(convolve(hidden, last, (1, 1)) + last_bias))


def test_an_image_and_a_vector_are_joined():
    net = Conv([[2, 3, 2]], hidden_units=(4, 3), activation="tanh")
    shapes = [(3, 4), (5,)]
    block = net.encoder_block(1, shapes)
    assert build_block(block, shapes) == (3,)
    (kernel, bias), (dense, dense_bias), (trunk, trunk_bias) = randomised(block)
    x, z = images(6, 3, 4), images(6, 5)
    from_x = np.tanh(convolve(x[..., None], kernel, (2, 2)) + bias).reshape(6, -1)
    joined = np.concatenate([from_x, np.tanh(z @ dense + dense_bias)], axis=-1)
    assert_output(block, [x, z], np.tanh(joined @ trunk + trunk_bias))


def test_several_latents_are_joined_before_the_image():
    net = Conv(decoder_layers=[[2, 1]], decoder_units=(4,), decoder_channels=None, **LINEAR)
    block = net.data_block([(5,), (2, 2)], (2, 3))
    build_block(block, [(5,), (2, 2)])
    left, right, to_image, last = randomised(block)
    a, b = images(6, 5), images(6, 2, 2)
    joined = [a @ left[0] + left[1], b.reshape(6, 4) @ right[0] + right[1]]
    image = np.concatenate(joined, axis=-1) @ to_image[0] + to_image[1]
    assert_output(block, [a, b], image.reshape(6, 2, 3, 1) @ last[0][0, 0] + last[1])


@pytest.mark.compiles(4)
@pytest.mark.parametrize("network", [Conv, GatedConv])
@pytest.mark.parametrize("shape", [(28, 28), (28, 20), (17, 13, 3), (1, 5, 2), (3, 3)])
def test_default_layers_take_images_of_any_size(network, shape):
    small = {"decoder_units": (4,), "hidden_units": (4,)}
    net = network(**small)
    block = net.data_block([(3,)], shape)
    height, width, _ = build_block(block, [(3,)])
    assert (height, width) == shape[:2]
    below = build_block(net.encoder_block(1, [shape]), [shape])
    assert below[:2] == tuple(-(-edge // 4) for edge in shape[:2])
    again = build_block(net.encoder_block(2, [below]), [below])
    assert all(edge >= min(4, before) for edge, before in zip(again[:2], below[:2]))


def test_defaults_are_those_of_the_conv_hvae():
    net = GatedConv()
    encoder = net.encoder_block(2, [(28, 28)])
    assert np.prod(build_block(encoder, [(28, 28)])) == 294
    kernels = [tuple(weight.shape) for weight in encoder.trainable_variables[::2]]
    assert kernels == [
        (7, 7, 1, 64),
        (3, 3, 32, 64),
        (5, 5, 32, 128),
        (3, 3, 64, 128),
        (3, 3, 64, 12),
    ]
    decoder = net.data_block([(40,), (40,)], (28, 28))
    assert build_block(decoder, [(40,), (40,)]) == (28, 28, 64)
    kernels = [tuple(weight.shape) for weight in decoder.trainable_variables[::2]]
    assert kernels[:3] == [(40, 600), (40, 600), (600, 1568)]
    assert kernels[3:] == [(3, 3, 1, 128), *[(3, 3, 64, 128)] * 3]


def test_strides_of_higher_levels():
    shared = Conv([[3, 3, 2], [3, 3, 3]])
    assert build_block(shared.encoder_block(1, [(9, 6)]), [(9, 6)]) == (2, 1, 3)
    block = shared.encoder_block(2, [(9, 6)])
    assert build_block(block, [(9, 6)]) == (5, 6, 3)
    (kernel, bias), (kernel_2, bias_2) = randomised(block)
    x = images(2, 9, 6)
    slope = lambda value: np.where(value > 0, value, 0.1 * value)  # noqa: E731
    hidden = slope(convolve(x[..., None], kernel, (2, 1)) + bias)
    assert_output(block, [x], slope(convolve(hidden, kernel_2, (1, 1)) + bias_2))
    own = Conv([[[3, 3, 2]], [[5, 3, 3], [4, 3, 3]], []], hidden_units=(6,))
    assert build_block(own.encoder_block(1, [(9, 6)]), [(9, 6)]) == (5, 3, 3)
    assert build_block(own.encoder_block(2, [(9, 6, 3)]), [(9, 6, 3)]) == (1, 1, 4)
    assert build_block(own.encoder_block(3, [(9, 6, 3)]), [(9, 6, 3)]) == (6,)
    assert build_block(own.encoder_block(4, [(9,)]), [(9,)]) == (6,)
    with pytest.raises(ValueError, match="3 levels, but level 4 needs"):
        own.encoder_block(4, [(9, 6, 3)])


def test_vectors_have_dense_layers():
    net = GatedConv(hidden_units=((5, 4), (3,)))
    assert build_block(net.encoder_block(2, [(7,)]), [(7,)]) == (3,)
    assert build_block(net.decoder_block(1, [(7,)]), [(7,)]) == (4,)
    shapes = [(7,), (3, 2, 2)]
    assert build_block(net.decoder_block(1, shapes), shapes) == (4,)
    shapes = [(7,), (4,)]
    assert build_block(net.encoder_block(2, shapes), shapes) == (6,)


@pytest.mark.parametrize("shape", [(784,), (2, 3, 4, 5), ()])
@pytest.mark.parametrize("network", ["conv", "gated_conv"])
def test_examples_that_are_no_images_are_refused(network, shape):
    net = {"conv": Conv, "gated_conv": GatedConv}[network]()
    for ask in (
        lambda: net.encoder_block(1, [shape]),
        lambda: net.encoder_block(1, [shape, (3,)]),
        lambda: net.data_block([(3,)], shape),
    ):
        with pytest.raises(ValueError, match="no images") as error:
            ask()
        assert "Reshape the data" in str(error.value)


def test_a_model_of_vectors_is_refused_at_build():
    model = hiervae.HierarchicalVAE(latent_dims=2, network="conv")
    with pytest.raises(ValueError, match="reshape\\(-1, 28, 28\\)"):
        model.build((None, 784))


@pytest.mark.parametrize(
    "layers",
    [
        (),
        3,
        "conv",
        None,
        [3],
        [[3]],
        [[3, 3, 1, 1]],
        [[3, 0, 1]],
        [[3, 3, -1]],
        [[3.0, 3, 1]],
        [[True, 3, 1]],
        [{"filters": 3}],
        [{"filters": 3, "kernel_size": 3, "stride": 2}],
        [[3, 3, 1], [[3, 3, 1]]],
    ],
)
def test_bad_layers_are_refused(layers):
    for option in ("encoder_layers", "decoder_layers"):
        with pytest.raises(ValueError, match=f"{option}.*[Ee]xpected"):
            Conv(**{option: layers})


@pytest.mark.parametrize(
    "options",
    [
        {"encoder_layers": [[]]},
        {"decoder_layers": [[[3, 3, 1]]]},
        {"decoder_units": ()},
        {"decoder_units": ((3,), (3,))},
        {"decoder_channels": 0},
        {"hidden_units": ()},
    ],
)
def test_bad_options_are_refused(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}.*[Ee]xpected"):
        Conv(**options)


@pytest.mark.parametrize("network", [Conv, GatedConv])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "encoder_layers": [[[3, 3]], [], [{"filters": 2, "kernel_size": 3}]],
            "decoder_layers": [{"filters": 2, "kernel_size": 3, "strides": 2}],
            "hidden_units": ((3,), (4, 5)),
            "decoder_units": 7,
            "decoder_channels": 2,
            "activation": {"name": "leaky_relu", "negative_slope": 0.01},
            "batch_norm": True,
            "kernel_initializer": {"name": "random_normal", "stddev": 0.02},
        },
    ],
)
def test_config_round_trip(network, options):
    config = network(**options).get_config()
    again = network.from_config(json.loads(json.dumps(config))).get_config()
    assert again == config
    assert {**config, **options}.keys() == config.keys()
