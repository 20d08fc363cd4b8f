"""The network of a PixelCNN that sees each latent as an image channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from hiervae.networks.base import Network
from hiervae.networks.conv_options import image_shape
from hiervae.networks.gated_conv import GatedConv
from hiervae.networks.gated_mlp import GatedMLP
from hiervae.types import Config, Shape, Tensor


class PixelConv(Network):
    """Gated convolutions to encode, and one image channel for each latent that x depends on.

    The network of the PixelHVAE (Tomczak & Welling 2018): encoders and conditional priors are those
    of `GatedConv`; each latent is mapped by a gated dense layer of its own to a channel of the
    example's height and width. The likelihood "pixelcnn" with `num_conditioning_channels=None`
    takes these channels beside x.

    Args:
        encoder_layers: as in `GatedConv`.
        hidden_units: as in `GatedConv`.
        activation: as in `GatedConv`.
        batch_norm: as in `GatedConv`.
        kernel_initializer: as in `GatedConv`.
        dropout: as in `GatedConv`.

    Raises:
        ValueError: if an option is wrong; when a block is asked for, if examples are no images.
    """

    def __init__(
        self,
        encoder_layers: Any = ((32, 7, 1), (32, 3, 2), (64, 5, 1), (64, 3, 2), (6, 3, 1)),
        hidden_units: Any = (300, 300),
        activation: Any = "linear",
        batch_norm: bool = False,
        kernel_initializer: Any = "he_normal",
        dropout: float = 0.0,
    ) -> None:
        options = {
            "activation": activation,
            "batch_norm": batch_norm,
            "kernel_initializer": kernel_initializer,
            "dropout": dropout,
        }
        self.encoder = GatedConv(encoder_layers, hidden_units=hidden_units, **options)
        self.dense = GatedMLP(hidden_units, **options)

    def encoder_block(self, level: int, input_shapes: Sequence[Shape]) -> keras.layers.Layer:
        """Return what `GatedConv` has."""
        return self.encoder.encoder_block(level, input_shapes)

    def decoder_block(self, level: int, input_shapes: Sequence[Shape]) -> keras.layers.Layer:
        """Return what `GatedConv` has."""
        return self.encoder.decoder_block(level, input_shapes)

    def data_block(self, input_shapes: Sequence[Shape], event_shape: Shape) -> keras.layers.Layer:
        """Return the layers from the latents to features (height, width, number of latents).

        Raises:
            ValueError: if an example is no image.
        """
        height, width, _ = image_shape(event_shape)
        layers = [self.dense.hidden_layer(height * width) for _ in input_shapes]
        return LatentChannels(layers, (height, width), name="decoder_data")

    def get_config(self) -> Config:
        """Return constructor arguments."""
        return {"encoder_layers": self.encoder.encoder_layers, **self.dense.get_config()}


class LatentChannels(keras.layers.Layer):
    """Latents side by side as channels of an image.

    Args:
        layers: a dense layer for each latent, with as many units as the image has pixels.
        size: height and width of the image.
    """

    def __init__(
        self, layers: Sequence[keras.layers.Layer], size: tuple[int, int], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.channels = list(layers)
        self.size = size

    def build(self, input_shape: Any) -> None:
        """Create the weights for one input shape, or for a list of them."""
        shapes = input_shape if len(self.channels) > 1 else [input_shape]
        for layer, shape in zip(self.channels, shapes, strict=True):
            layer.build((None, math.prod(shape[1:])))

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Map the input, or the list of inputs, to features (n, height, width, inputs)."""
        tensors = inputs if len(self.channels) > 1 else [inputs]
        flat = [ops.reshape(each, (-1, math.prod(each.shape[1:]))) for each in tensors]
        images = [
            ops.reshape(layer(each, training=training), (-1, *self.size, 1))
            for layer, each in zip(self.channels, flat, strict=True)
        ]
        return ops.concatenate(images, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape (n, height, width, inputs)."""
        first = input_shape[0] if len(self.channels) > 1 else input_shape
        return (first[0], *self.size, len(self.channels))
