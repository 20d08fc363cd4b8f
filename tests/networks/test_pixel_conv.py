"""The network that gives each latent a channel."""

import numpy as np
import pytest
from scipy import special

from hiervae.networks import GatedConv, PixelConv
from hiervae.networks.base import build_block
from tests.support.models import compiled, numpy_of, small_model, tensor

OPTIONS = {"encoder_layers": ((3, 3, 1),), "hidden_units": (7, 5)}


@pytest.mark.parametrize("event_shape", [(4, 3), (4, 3, 2)])
def test_each_latent_is_a_gated_image_of_its_own(event_shape):
    block = PixelConv(**OPTIONS).data_block([(2,), (6,)], event_shape)
    assert build_block(block, [(2,), (6,)]) == (4, 3, 2)
    rng = np.random.default_rng(0)
    latents = [rng.normal(size=(5, size)).astype("float32") for size in (2, 6)]
    features = numpy_of(block([tensor(latent) for latent in latents]))
    assert features.shape == (5, 4, 3, 2)
    for index, latent in enumerate(latents):
        other = list(latents)
        other[1 - index] = other[1 - index] + 1.0
        moved = numpy_of(block([tensor(each) for each in other]))
        np.testing.assert_array_equal(moved[..., index], features[..., index])
        assert np.abs(moved[..., 1 - index] - features[..., 1 - index]).min() > 0.0
        kernel, bias = (np.concatenate(parts, -1) for parts in weights_of(block.channels[index]))
        value, gate = np.split(latent @ kernel + bias, 2, axis=-1)
        pair = (value * special.expit(gate), gate * special.expit(value))
        found = features[..., index].reshape(5, 12)
        assert any(np.allclose(found, each, atol=1e-5) for each in pair)


def weights_of(layer):
    """Kernels and biases of the layer's affine maps, in order."""
    arrays = [numpy_of(weight) for weight in layer.weights]
    return [a for a in arrays if a.ndim == 2], [a for a in arrays if a.ndim == 1]


def test_encoders_are_those_of_the_gated_convolutions():
    ours, theirs = PixelConv(**OPTIONS), GatedConv(**OPTIONS)
    for level, shapes in ((1, [(4, 3)]), (1, [(4, 3), (2,)]), (2, [(2,)])):
        for name in ("encoder_block", "decoder_block"):
            if name == "decoder_block" and level == 1:
                continue
            one, other = (getattr(net, name)(level, shapes) for net in (ours, theirs))
            assert build_block(one, shapes) == build_block(other, shapes)
            assert [w.shape for w in one.weights] == [w.shape for w in other.weights]
    assert PixelConv.from_config(ours.get_config()).get_config() == ours.get_config()


def test_vectors_are_refused():
    with pytest.raises(ValueError, match="are no images"):
        PixelConv().data_block([(2,)], (784,))


@pytest.mark.compiles(1)
@pytest.mark.parametrize("latent_dims", [2, (3, 2)])
def test_in_a_model(latent_dims):
    model = compiled(
        small_model(
            latent_dims=latent_dims,
            inference="bottom_up" if latent_dims == 2 else "top_down",
            network={"name": "pixel_conv", **OPTIONS},
            likelihood={
                "name": "pixelcnn",
                "num_layers": 1,
                "num_filters": 3,
                "num_conditioning_channels": None,
            },
        )
    )
    x = np.random.default_rng(0).integers(0, 2, size=(16, 4, 3)).astype("float32")
    history = model.fit(x, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    channels = 1 if latent_dims == 2 else 2
    assert model.inference.features_shape == (4, 3, channels)
    assert model.sample(3, seed=0).shape == (3, 4, 3)
