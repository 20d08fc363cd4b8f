import keras
import numpy as np
import pytest

from hiervae.networks import KerasLayers
from hiervae.networks.base import build_block
from tests.support.models import numpy_of


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


class TwoOutputs(keras.layers.Layer):
    def compute_output_shape(self, input_shape):
        return [input_shape, input_shape]


def test_a_block_with_several_outputs_is_refused():
    with pytest.raises(ValueError, match="expected one feature tensor. Let the layer return"):
        build_block(TwoOutputs(name="twins"), [(3,)])


def test_a_block_that_is_built_stays_as_it_is():
    block = dense()
    block.build((None, 2))
    kernel = numpy_of(block.kernel)
    assert build_block(block, [(2,)]) == (3,)
    np.testing.assert_array_equal(numpy_of(block.kernel), kernel)


def test_conditional_priors_start_with_the_second_decoder_layer():
    decoder = [keras.layers.Dense(2), keras.layers.Dense(3)]
    network = KerasLayers(keras.layers.Dense(2), decoder)
    assert network.prior_block(2, [(2,)], (4,)) is decoder[1]
    with pytest.raises(ValueError, match="needs a decoder layer number 3"):
        network.prior_block(3, [(2,)], (4,))
