"""Multilayer perceptrons with gated layers."""

from __future__ import annotations

from typing import Any

import keras

from hiervae.networks.hidden_layer import GatedDense
from hiervae.networks.mlp import DenseNetwork


class GatedMLP(DenseNetwork):
    """Blocks of gated layers h(x) * sigmoid(g(x)) (Tomczak & Welling 2018).

    Args:
        hidden_units: layer sizes for every block, such as (300, 300), or one tuple per level.
        activation: Keras activation of h, as in `MLP`; the paper has none ("linear").
        batch_norm: normalise both affine maps of every hidden layer, before gate and activation.
        kernel_initializer: Keras initialiser of the weights, as in `MLP`.
        dropout: as in `MLP`, behind the gate.

    Raises:
        ValueError: if `hidden_units` is empty or not positive, or another option is wrong.
    """

    def __init__(
        self,
        hidden_units: Any = (300, 300),
        activation: Any = "linear",
        batch_norm: bool = False,
        kernel_initializer: Any = "he_normal",
        dropout: float = 0.0,
    ) -> None:
        super().__init__(hidden_units, activation, batch_norm, kernel_initializer, dropout)

    def hidden_layer(self, units: int) -> keras.layers.Layer:
        """Return a new gated layer from (n, k) to (n, units)."""
        return GatedDense(units, **self.layer_options)
