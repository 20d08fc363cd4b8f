"""Convolutional networks."""

from __future__ import annotations

from typing import Any

from hiervae.networks.conv_network import ConvNetwork
from hiervae.networks.mlp import MLP
from hiervae.networks.options import LEAKY_RELU


class Conv(ConvNetwork):
    """Convolutions where there are images, fully connected layers where there are vectors.

    Examples are images of any size, (height, width) or (height, width, channels). A block sees an
    image in every input of two or three axes:

    - encoder, from one image: the convolutions of its level. Features stay images, so a higher
      level of a deterministic ladder convolves them further.
    - encoder, from a vector (a latent): dense layers, `hidden_units`.
    - encoder, from several inputs: each image its convolutions, each vector its first dense layer,
      then the remaining dense layers on all of them joined (Tomczak & Welling 2018).
    - decoder of a latent: dense layers.
    - encoder or decoder of a latent that is an image itself, of shape (height, width, channels):
      convolutions from images to maps of the latent's height and width, with a dense layer before
      them where the input is a vector. Strides that would go below that size are left out, and
      maps are resampled (bilinearly) where strides do not lead to it; several inputs are joined
      by one more convolution.
    - decoder of the data: dense layers, one more to a small image, and convolutions up to an image
      of the example's height and width; a stride enlarges the image there, by a transposed
      convolution. A stride need not divide the size.

    The defaults are those of Zhao et al. (2017) for MNIST, but for their batch normalisation and
    start of the weights.

    Args:
        encoder_layers: the convolutions, [filters, kernel_size, strides] or a dict of these names
            each; or one such list per level (an empty one: dense layers). Of one list for all, the
            levels above the first leave out strides that would make an edge shorter than 4.
        decoder_layers: the convolutions of the data's decoder, as above, one list.
        hidden_units: sizes of the dense layers, such as (300, 300), or one tuple per level.
        decoder_units: sizes of the dense layers before the data decoder's image; None takes
            `hidden_units`, of the first level.
        decoder_channels: channels of that image; None takes those of an example.
        activation: Keras activation of all layers, or a dict of its name and arguments.
        batch_norm: normalise every layer between its affine map and its nonlinearity.
        kernel_initializer: Keras initialiser of the weights, or a dict of its name and arguments.
        dropout: the probability, from 0 to 0.99, with which a feature of a hidden layer is set to 0
            in training, behind the nonlinearity; pseudo-inputs keep all features.

    Raises:
        ValueError: if an option is wrong; when a block is asked for, if examples are no images.
    """

    def __init__(
        self,
        encoder_layers: Any = ((64, 4, 2), (128, 4, 2)),
        decoder_layers: Any = ((64, 4, 2), (64, 4, 2)),
        hidden_units: Any = (1024,),
        decoder_units: Any = None,
        decoder_channels: int | None = 128,
        activation: Any = LEAKY_RELU,
        batch_norm: bool = False,
        kernel_initializer: Any = "he_normal",
        dropout: float = 0.0,
    ) -> None:
        dense = MLP(hidden_units, activation, batch_norm, kernel_initializer, dropout)
        super().__init__(encoder_layers, decoder_layers, decoder_units, decoder_channels, dense)

    @property
    def gated(self) -> bool:
        """False."""
        return False
