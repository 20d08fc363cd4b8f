"""Multilayer perceptrons."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras

from hiervae.networks.base import Network
from hiervae.networks.blocks import DenseBlock
from hiervae.networks.options import standardize_hidden_units, units_of_level
from hiervae.types import Config, Shape


class MLP(Network):
    """Blocks of fully connected layers; inputs of any shape are flattened.

    Args:
        hidden_units: layer sizes for every block, such as (300, 300), or one tuple a level.
        activation: Keras activation of the hidden layers.

    Raises:
        ValueError: if `hidden_units` is empty or not positive.
    """

    def __init__(self, hidden_units: Any = (300, 300), activation: str = "relu") -> None:
        self.hidden_units = standardize_hidden_units(hidden_units)
        self.activation = activation
        keras.activations.get(activation)

    def _layer(self, units: int) -> keras.layers.Layer:
        return keras.layers.Dense(units, self.activation, kernel_initializer="he_normal")

    def _block(self, level: int, num_inputs: int, name: str) -> keras.layers.Layer:
        units = units_of_level(self.hidden_units, level)
        layers = [partial(self._layer, size) for size in units]
        return DenseBlock(layers, num_inputs, name=name)

    def encoder_block(self, level: int, input_shapes: Sequence[Shape]) -> keras.layers.Layer:
        """The layers below q(z_level | ...)."""
        return self._block(level, len(input_shapes), f"encoder_{level}")

    def decoder_block(self, level: int, input_shapes: Sequence[Shape]) -> keras.layers.Layer:
        """The layers below p(z_level | ...)."""
        return self._block(level, len(input_shapes), f"decoder_{level}")

    def data_block(self, input_shapes: Sequence[Shape], event_shape: Shape) -> keras.layers.Layer:
        """The layers between the latents and the likelihood."""
        return self._block(1, len(input_shapes), "decoder_data")

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {"hidden_units": self.hidden_units, "activation": self.activation}
