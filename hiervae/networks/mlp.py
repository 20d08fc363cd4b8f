"""Multilayer perceptrons."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from functools import partial
from typing import Any

import keras

from hiervae.networks.base import Network
from hiervae.networks.blocks import DenseBlock
from hiervae.networks.hidden_layer import HiddenDense
from hiervae.networks.options import (
    activation_function,
    check_layer_options,
    new_initializer,
    standardize_hidden_units,
    units_of_level,
)
from hiervae.types import Config, Shape


class DenseNetwork(Network, abc.ABC):
    """Blocks of fully connected layers; inputs of any shape are flattened.

    Args:
        hidden_units: layer sizes for every block, such as (300, 300), or one tuple per level.
        activation: Keras activation of the hidden layers, or a dict of its name and arguments.
        batch_norm: normalise every hidden layer before its nonlinearity.
        kernel_initializer: Keras initialiser of the weights, or a dict of its name and arguments.
        dropout: the probability with which a feature is dropped in training.

    Raises:
        ValueError: if `hidden_units` is empty or not positive, or another option is wrong.
    """

    def __init__(
        self,
        hidden_units: Any,
        activation: Any,
        batch_norm: bool,
        kernel_initializer: Any,
        dropout: float,
    ) -> None:
        self.hidden_units = standardize_hidden_units(hidden_units)
        self.layer_options = check_layer_options(
            activation, batch_norm, kernel_initializer, dropout
        )

    @abc.abstractmethod
    def hidden_layer(self, units: int) -> keras.layers.Layer:
        """Return a new layer from (n, k) to (n, units)."""

    def _block(self, level: int, num_inputs: int, name: str) -> keras.layers.Layer:
        units = units_of_level(self.hidden_units, level)
        layers = [partial(self.hidden_layer, size) for size in units]
        return DenseBlock(layers, num_inputs, name=name)

    def encoder_block(self, level: int, input_shapes: Sequence[Shape]) -> keras.layers.Layer:
        """The layers below q(z_level | ...)."""
        return self._block(level, len(input_shapes), f"encoder_{level}")

    def decoder_block(self, level: int, input_shapes: Sequence[Shape]) -> keras.layers.Layer:
        """Return the layers that start at z_level."""
        return self._block(level, len(input_shapes), f"decoder_{level}")

    def data_block(self, input_shapes: Sequence[Shape], event_shape: Shape) -> keras.layers.Layer:
        """The layers between the latents and the likelihood."""
        return self._block(1, len(input_shapes), "decoder_data")

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {"hidden_units": self.hidden_units, **self.layer_options}


class MLP(DenseNetwork):
    """Blocks of fully connected layers; inputs of any shape are flattened.

    Args:
        hidden_units: layer sizes for every block, such as (300, 300), or one tuple per level.
        activation: Keras activation of the hidden layers, such as "tanh", or a dict of its name and
            arguments, such as {"name": "leaky_relu", "negative_slope": 0.1}.
        batch_norm: normalise every hidden layer between its affine map, which then has no bias, and
            its nonlinearity (Sønderby et al. 2016).
        kernel_initializer: Keras initialiser of the weights, such as "glorot_uniform", or a dict of
            its name and arguments, such as {"name": "random_normal", "stddev": 0.02}.
        dropout: the probability, from 0 to 0.99, with which a feature of a hidden layer is set to 0
            in training, behind the nonlinearity; pseudo-inputs keep all features.

    Raises:
        ValueError: if `hidden_units` is empty or not positive, or another option is wrong.
    """

    def __init__(
        self,
        hidden_units: Any = (300, 300),
        activation: Any = "relu",
        batch_norm: bool = False,
        kernel_initializer: Any = "he_normal",
        dropout: float = 0.0,
    ) -> None:
        super().__init__(hidden_units, activation, batch_norm, kernel_initializer, dropout)

    def hidden_layer(self, units: int) -> keras.layers.Layer:
        """Return a new layer from (n, k) to (n, units)."""
        options = self.layer_options
        if options["batch_norm"] or options["dropout"]:
            return HiddenDense(units, **options)
        return keras.layers.Dense(
            units,
            activation_function(options["activation"]),
            kernel_initializer=new_initializer(options["kernel_initializer"]),
        )
