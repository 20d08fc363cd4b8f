"""The base of the convolutional networks."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import keras

from hiervae.networks.base import Network
from hiervae.networks.blocks import ConvBlock, DenseBlock, ImageBlock, JoinedMaps, Resize
from hiervae.networks.conv_options import (
    ConvLayer,
    ConvLayers,
    image_shape,
    inherited_strides,
    is_per_level,
    layers_of_level,
    sizes_between,
    standardize_conv_layers,
    standardize_levels,
    strides_towards,
    upsampled_sizes,
)
from hiervae.networks.hidden_layer import HiddenConv
from hiervae.networks.mlp import DenseNetwork
from hiervae.networks.options import standardize_units, units_of_level
from hiervae.types import Config, Shape
from hiervae.utils.validation import check_optional_positive_int

Size = tuple[int, int]


class ConvNetwork(Network, abc.ABC):
    """Convolutions where there are images, fully connected layers where there are vectors.

    An encoder's block sees an image in every input of two or three axes, a decoder's block in every
    latent of three: (height, width, channels). Where the latent of a level
    is an image too, the block below its heads gives maps of its height and width: strides are left
    out that would go below it, and what is missing is resampled.

    Args:
        encoder_layers: see `hiervae.networks.Conv`; the other options too.
        decoder_layers: see there.
        decoder_units: see there.
        decoder_channels: see there.
        dense: makes the fully connected layers; its options are those of the convolutions too.

    Raises:
        ValueError: if an option is wrong.
    """

    def __init__(
        self,
        encoder_layers: Any,
        decoder_layers: Any,
        decoder_units: Any,
        decoder_channels: int | None,
        dense: DenseNetwork,
    ) -> None:
        self.encoder_layers = standardize_levels("encoder_layers", encoder_layers)
        self.decoder_layers = standardize_conv_layers("decoder_layers", decoder_layers)
        self.dense = dense
        self.decoder_units = decoder_units
        if decoder_units is not None:
            self.decoder_units = standardize_units("decoder_units", decoder_units)
        self.decoder_channels = check_optional_positive_int("decoder_channels", decoder_channels)

    @property
    @abc.abstractmethod
    def gated(self) -> bool:
        """Whether the convolutions are gated."""

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

    def posterior_block(
        self, level: int, input_shapes: Sequence[Shape], latent_shape: Shape
    ) -> keras.layers.Layer:
        """The layers below q(z_level | ...): for a latent that is an image, maps of its size.

        Raises:
            ValueError: if the first input of level 1, the example, is no image.
        """
        if not (_is_maps(latent_shape) and any(map(_is_image, input_shapes))):
            return self.encoder_block(level, input_shapes)
        layers = layers_of_level("encoder_layers", self.encoder_layers, level)
        if not layers:
            return self.encoder_block(level, input_shapes)
        if level == 1:
            image_shape(input_shapes[0])
        *_, last = layers
        size: Size = (latent_shape[0], latent_shape[1])
        name = f"encoder_{level}"
        if len(input_shapes) == 1:
            return ConvBlock(self._convolutions_to(size, input_shapes[0], layers), name=name)
        paths = [
            ConvBlock(self._convolutions_to(size, shape, layers))
            if _is_image(shape)
            else self._dense_to_maps(level, (*size, last[0]), last)
            for shape in input_shapes
        ]
        return JoinedMaps(paths, ConvBlock([self._convolution(last, (1, 1))]), name=name)

    def _convolutions_to(
        self, size: Size, shape: Shape, layers: ConvLayers
    ) -> list[keras.layers.Layer]:
        """The encoder's convolutions from an image of this shape to maps of this size."""
        height, width, _ = image_shape(shape)
        strides, reached = strides_towards((height, width), size, layers)
        path: list[keras.layers.Layer] = list(map(self._convolution, layers, strides))
        return path if reached == size else [*path, Resize(size)]

    def prior_block(
        self, level: int, input_shapes: Sequence[Shape], latent_shape: Shape
    ) -> keras.layers.Layer:
        """Return the layers that start at z_level: to a latent that is an image, maps."""
        if not _is_maps(latent_shape):
            return self.decoder_block(level, input_shapes)
        return self._image_decoder(level, input_shapes, latent_shape, f"decoder_{level}")

    def decoder_block(self, level: int, input_shapes: Sequence[Shape]) -> keras.layers.Layer:
        """Return the dense layers that start at z_level."""
        return self.dense.decoder_block(level, input_shapes)

    def data_block(self, input_shapes: Sequence[Shape], event_shape: Shape) -> keras.layers.Layer:
        """The layers between the latents and the likelihood: features (height, width, filters).

        Raises:
            ValueError: if an example is no image.
        """
        return self._image_decoder(1, input_shapes, event_shape, "decoder_data")

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            "encoder_layers": self.encoder_layers,
            "decoder_layers": self.decoder_layers,
            "decoder_units": self.decoder_units,
            "decoder_channels": self.decoder_channels,
            **self.dense.get_config(),
        }

    def _image_decoder(
        self, level: int, input_shapes: Sequence[Shape], shape: Shape, name: str
    ) -> keras.layers.Layer:
        """Layers from latents to maps of the height and width of an image of this shape.

        Several latents are brought to the size of the first image among them and joined there.
        """
        height, width, channels = image_shape(shape)
        size = (height, width)
        images = [each for each in input_shapes if _is_maps(each)]
        if not images:
            first, *sizes = upsampled_sizes(size, self.decoder_layers)
            image = (*first, self.decoder_channels or channels)
            units = self.decoder_units or units_of_level(self.dense.hidden_units, level)
            layers = [partial(self.dense.hidden_layer, size) for size in (*units, math.prod(image))]
            convolutions = [
                self._convolution(layer, (layer[2], layer[2]), None if layer[2] == 1 else size)
                for layer, size in zip(self.decoder_layers, sizes, strict=True)
            ]
            dense = DenseBlock(layers, len(input_shapes))
            return ImageBlock(dense, image, ConvBlock(convolutions), name=name)
        start: Size = (images[0][0], images[0][1])
        decoder = self._decoder_convolutions(start, size)
        if len(input_shapes) == 1:
            return ConvBlock(decoder, name=name)
        first_layer = self.decoder_layers[0]
        maps = (*start, self.decoder_channels or first_layer[0])
        paths: list[keras.layers.Layer] = []
        for each in input_shapes:
            if not _is_maps(each):
                paths.append(self._dense_to_maps(level, maps, first_layer))
                continue
            path: list[keras.layers.Layer] = [self._convolution(first_layer, (1, 1))]
            paths.append(ConvBlock(path if each[:2] == start else [Resize(start), *path]))
        return JoinedMaps(paths, ConvBlock(decoder), name=name)

    def _decoder_convolutions(self, start: Size, size: Size) -> list[keras.layers.Layer]:
        """The decoder's convolutions from maps of one size to maps of another."""
        convolutions: list[keras.layers.Layer] = []
        before = start
        for layer, after in zip(
            self.decoder_layers, sizes_between(start, size, self.decoder_layers), strict=True
        ):
            strides = (-(-after[0] // before[0]), -(-after[1] // before[1]))
            if after == before:
                convolutions.append(self._convolution(layer, (1, 1)))
            elif max(strides) == layer[2] <= layer[1] and min(after) >= min(before):
                convolutions.append(self._convolution(layer, strides, after))
            else:
                convolutions += [Resize(after), self._convolution(layer, (1, 1))]
            before = after
        return convolutions

    def _dense_to_maps(self, level: int, maps: Shape, layer: ConvLayer) -> keras.layers.Layer:
        """Dense layers from a vector to maps of this shape, and a convolution on them."""
        units = (*units_of_level(self.dense.hidden_units, level), math.prod(maps))
        dense = DenseBlock([partial(self.dense.hidden_layer, size) for size in units])
        return ImageBlock(dense, maps, ConvBlock([self._convolution(layer, (1, 1))]))

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


def _is_image(shape: Shape) -> bool:
    """Whether an input of an encoder is an image: an example, features or a latent."""
    return len(shape) in (2, 3)


def _is_maps(shape: Shape) -> bool:
    """Whether a latent is an image, (height, width, channels)."""
    return len(shape) == 3
