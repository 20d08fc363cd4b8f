import keras
import numpy as np
import pytest

from hiervae.networks import KerasLayers
from hiervae.networks.base import build_block
from tests.support.models import binary_data, compiled, numpy_of, small_model


def dense(units=3):
    return keras.layers.Dense(units)


def test_layers_are_handed_out_by_level():
    encoder, decoder = [dense(), dense()], [dense(), dense()]
    network = KerasLayers(encoder, decoder)
    assert network.encoder_block(1, [(2,)]) is encoder[0]
    assert network.encoder_block(2, [(2,)]) is encoder[1]
    assert network.data_block([(2,)], (4,)) is decoder[0]
    assert network.decoder_block(1, [(2,)]) is decoder[1]


def test_a_single_layer_stands_for_one_level():
    encoder, decoder = dense(), dense()
    network = KerasLayers(encoder, decoder)
    assert network.encoder_block(1, [(2,)]) is encoder
    assert network.data_block([(2,)], (4,)) is decoder
    with pytest.raises(ValueError, match="encoder layer number 2, but encoder has 1") as error:
        network.encoder_block(2, [(2,)])
    assert "Give one encoder layer a stochastic level" in str(error.value)
    with pytest.raises(ValueError, match="decoder layer number 2, but decoder has 1"):
        network.decoder_block(1, [(2,)])


@pytest.mark.parametrize("value", [None, "mlp", [], [dense(), 3], keras.ops.tanh])
@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_what_is_no_layer_is_refused(value, side):
    layers = {"encoder": dense(), "decoder": dense(), side: value}
    with pytest.raises(ValueError, match=f"{side}=.*not made of Keras layers. Expected a keras"):
        KerasLayers(**layers)


def test_config_rebuilds_the_layers():
    network = KerasLayers(
        keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4, "tanh", name="d")]),
        [dense(3), dense(5)],
    )
    rebuilt = KerasLayers.from_config(network.get_config())
    assert rebuilt.encoder[0].layers[-1].get_config()["activation"] == "tanh"
    assert [layer.units for layer in rebuilt.decoder] == [3, 5]
    assert rebuilt.decoder[0] is not network.decoder[0]


class Shapes(keras.layers.Layer):
    def compute_output_shape(self, input_shape):
        return [input_shape, input_shape]


class Twins(keras.layers.Layer):
    def call(self, inputs):
        return inputs, inputs


class Named(keras.layers.Layer):
    def call(self, inputs):
        return {"features": inputs}


@pytest.mark.parametrize("kind", [Shapes, Twins, Named])
def test_a_block_with_several_outputs_is_refused(kind):
    with pytest.raises(ValueError, match="expected one feature tensor. Let the layer return"):
        build_block(kind(name="twins"), [(3,)])


class Plain(keras.layers.Layer):
    """Makes its layers in the constructor and builds them by hand."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4, "relu")

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, inputs):
        return self.dense(inputs)


class Unbuilt(keras.layers.Layer):
    """Leaves the building to the first call."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4, "relu")

    def call(self, inputs):
        return keras.ops.concatenate([self.dense(inputs), inputs[:, :1]], axis=-1)


class OwnWeights(keras.layers.Layer):
    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 4), name="kernel")

    def call(self, inputs, training=None):
        return keras.ops.tanh(inputs @ self.kernel)


class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = keras.layers.Dense(4, "relu")
        self.second = keras.layers.Dense(3)

    def call(self, inputs, training=False):
        return self.second(self.first(inputs))


class Joined(keras.layers.Layer):
    """Takes one tensor or several."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4)

    def call(self, inputs):
        several = isinstance(inputs, (list, tuple))
        return self.dense(keras.ops.concatenate(inputs, axis=-1) if several else inputs)


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (Plain, 4),
        (Unbuilt, 5),
        (OwnWeights, 4),
        (Subclassed, 3),
        (lambda: keras.Sequential([Unbuilt(), keras.layers.Dense(2)]), 2),
    ],
)
def test_layers_of_ones_own_need_no_output_shape(make, size):
    assert build_block(make(), [(6,)]) == (size,)
    model = compiled(small_model(latent_dims=2, network=KerasLayers(make(), keras.layers.Dense(3))))
    model.build((None, 6))
    num_weights = len(model.weights)
    block = model.network.encoder[0]
    before = [numpy_of(weight) for weight in block.weights]
    model.fit(binary_data(8), verbose=0)
    assert len(model.weights) == num_weights
    assert before
    assert all((numpy_of(w) != b).any() for w, b in zip(block.weights, before, strict=True))


def test_a_layer_of_ones_own_with_several_inputs():
    network = KerasLayers([Joined(), Joined()], [Joined(), Joined()])
    model = compiled(small_model(latent_dims=(3, 2), inference="top_down", network=network))
    model.fit(binary_data(8), verbose=0)
    assert model.encode(binary_data(8))[0].shape == (8, 3)


def test_a_block_that_is_built_stays_as_it_is():
    block = dense()
    block.build((None, 2))
    kernel = numpy_of(block.kernel)
    assert build_block(block, [(2,)]) == (3,)
    np.testing.assert_array_equal(numpy_of(block.kernel), kernel)


def test_a_subclass_with_options_of_its_own_alone_is_rebuilt():
    class Narrow(KerasLayers):
        def __init__(self, width=1):
            super().__init__(dense(width), dense(width))

        def get_config(self):
            return {"width": self.encoder[0].units}

    assert Narrow.from_config(Narrow(4).get_config()).encoder[0].units == 4


def test_conditional_priors_start_with_the_second_decoder_layer():
    decoder = [keras.layers.Dense(2), keras.layers.Dense(3)]
    network = KerasLayers(keras.layers.Dense(2), decoder)
    assert network.prior_block(2, [(2,)], (4,)) is decoder[1]
    with pytest.raises(ValueError, match="needs a decoder layer number 3"):
        network.prior_block(3, [(2,)], (4,))


@pytest.mark.parametrize("inference", ["bottom_up", "ladder", "top_down"])
def test_models_saved_before_keep_their_layers(inference, tmp_path):
    """Their configs lack `prior_block_level`; p(z_1 | z_2) had the second decoder layer."""
    decoder = [Joined(), Joined()] if inference == "top_down" else [dense(5), dense(4)]
    encoder = [Joined(), Joined()] if inference == "top_down" else [dense(), dense()]
    network = KerasLayers(encoder, decoder)
    scheme = {"name": inference, "prior_block_level": "own"}
    model = small_model(latent_dims=(3, 2), inference=scheme, network=network)
    model.build((None, 6))
    assert model.inference.data_block is decoder[0]
    assert model.inference.decoders == [decoder[1]]
    assert [each.built for each in decoder] == [True, True]
