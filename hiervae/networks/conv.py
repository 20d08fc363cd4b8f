"""Convolutional networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import keras

from hiervae.networks.base import Network
from hiervae.networks.blocks import ConvBlock, DenseBlock, ImageBlock
from hiervae.networks.conv_options import (
    ConvLayer,
    image_shape,
    inherited_strides,
    is_per_level,
    layers_of_level,
    standardize_conv_layers,
    standardize_levels,
    upsampled_sizes,
)
from hiervae.networks.hidden_layer import HiddenConv
from hiervae.networks.mlp import MLP
from hiervae.networks.options import LEAKY_RELU, standardize_units, units_of_level
from hiervae.types import Config, Shape
from hiervae.utils.validation import check_positive_int


class Conv(Network):
    """Convolutions where there are images, fully connected layers where there are vectors.

    Examples are images of any size, (height, width) or (height, width, channels). A block sees an
    image in every input of two or three axes:

    - encoder, from one image: the convolutions of its level. Features stay images, so a higher
      level of a deterministic ladder convolves them further.
    - encoder, from a vector (a latent): dense layers, `hidden_units`.
    - encoder, from several inputs: each image its convolutions, each vector its first dense layer,
      then the remaining dense layers on all of them joined (Tomczak & Welling 2018).
    - decoder of a latent: dense layers.
    - decoder of the data: dense layers, one more to a small image, and convolutions up to an image
      of the example's height and width; a stride enlarges the image there, by a transposed
      convolution. A stride need not divide the size.

    The defaults are those of Zhao et al. (2017) for MNIST, but for their batch normalisation and
    start of the weights.

    Args:
        encoder_layers: the convolutions, [filters, kernel_size, strides] or a dict of these names
            each; or one such list a level (an empty one: dense layers). Of one list for all, the
            levels above the first leave out strides that would make an edge shorter than 4.
        decoder_layers: the convolutions of the data's decoder, as above, one list.
        hidden_units: sizes of the dense layers, such as (300, 300), or one tuple a level.
        decoder_units: sizes of the dense layers before the data decoder's image; None takes
            `hidden_units`, of the first level.
        decoder_channels: channels of that image; None takes those of an example.
        activation: Keras activation of all layers, or a dict of its name and arguments.
        batch_norm: normalise every layer between its affine map and its nonlinearity.
        kernel_initializer: Keras initialiser of the weights, or a dict of its name and arguments.

    Raises:
        ValueError: if an option is wrong; when a block is asked for, if examples are no images.
    """

    gated: ClassVar[bool] = False
    dense_network: ClassVar[type[MLP]] = MLP

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
    ) -> None:
        self.encoder_layers = standardize_levels("encoder_layers", encoder_layers)
        self.decoder_layers = standardize_conv_layers("decoder_layers", decoder_layers)
        self.dense = self.dense_network(hidden_units, activation, batch_norm, kernel_initializer)
        self.decoder_units = decoder_units
        if decoder_units is not None:
            self.decoder_units = standardize_units("decoder_units", decoder_units)
        self.decoder_channels = decoder_channels
        if decoder_channels is not None:
            self.decoder_channels = check_positive_int("decoder_channels", decoder_channels)

    def encoder_block(self, level: int, input_shapes: Sequence[Shape]) -> keras.layers.Layer:
        """The layers below q(z_level | ...); a single image gives an image.

        Raises:
            ValueError: if the first input of level 1, the example, is no image.
        """
        name = f"encoder_{level}"
        if level == 1:
            image_shape(input_shapes[0])
        branches = {}
        for position, shape in enumerate(input_shapes):
            if len(shape) > 1:
                convolutions = self._encoder_convolutions(level, image_shape(shape))
                if convolutions:
                    branches[position] = convolutions
        if len(input_shapes) == 1 and branches:
            return ConvBlock(branches[0], name=name)
        units = units_of_level(self.dense.hidden_units, level)
        return DenseBlock(
            [partial(self.dense.hidden_layer, size) for size in units],
            len(input_shapes),
            {position: ConvBlock(layers) for position, layers in branches.items()},
            name=name,
        )

    def decoder_block(self, level: int, input_shapes: Sequence[Shape]) -> keras.layers.Layer:
        """The dense layers below p(z_level | ...)."""
        return self.dense.decoder_block(level, input_shapes)

    def data_block(self, input_shapes: Sequence[Shape], event_shape: Shape) -> keras.layers.Layer:
        """The layers between the latents and the likelihood: features (height, width, filters).

        Raises:
            ValueError: if an example is no image.
        """
        *size, channels = image_shape(event_shape)
        first, *sizes = upsampled_sizes((size[0], size[1]), self.decoder_layers)
        image = (*first, self.decoder_channels or channels)
        units = self.decoder_units or units_of_level(self.dense.hidden_units, 1)
        layers = [partial(self.dense.hidden_layer, size) for size in (*units, math.prod(image))]
        convolutions = [
            self._convolution(layer, (layer[2], layer[2]), None if layer[2] == 1 else size)
            for layer, size in zip(self.decoder_layers, sizes, strict=True)
        ]
        dense = DenseBlock(layers, len(input_shapes))
        return ImageBlock(dense, image, ConvBlock(convolutions), name="decoder_data")

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            "encoder_layers": self.encoder_layers,
            "decoder_layers": self.decoder_layers,
            "decoder_units": self.decoder_units,
            "decoder_channels": self.decoder_channels,
            **self.dense.get_config(),
        }

    def _encoder_convolutions(self, level: int, shape: Shape) -> list[HiddenConv]:
        height, width, _ = shape
        inherits = level > 1 and not is_per_level(self.encoder_layers)
        convolutions = []
        for layer in layers_of_level("encoder_layers", self.encoder_layers, level):
            strides = (layer[2], layer[2])
            if inherits:
                strides = inherited_strides((height, width), layer[2])
            convolutions.append(self._convolution(layer, strides))
            height, width = -(-height // strides[0]), -(-width // strides[1])
        return convolutions

    def _convolution(
        self, layer: ConvLayer, strides: tuple[int, int], size: tuple[int, int] | None = None
    ) -> HiddenConv:
        filters, kernel_size, _ = layer
        options = self.dense.layer_options
        return HiddenConv(filters, kernel_size, strides, size, gated=self.gated, **options)
