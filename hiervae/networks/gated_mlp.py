"""Multilayer perceptrons with gated layers."""

from __future__ import annotations

from typing import Any

import keras

from hiervae.networks.blocks import GatedDense
from hiervae.networks.mlp import MLP


class GatedMLP(MLP):
    """Blocks of gated layers h(x) * sigmoid(g(x)) (Tomczak & Welling 2018).

    Args:
        hidden_units: layer sizes for every block, such as (300, 300), or one tuple a level.
        activation: Keras activation of h; the paper has none ("linear").

    Raises:
        ValueError: if `hidden_units` is empty or not positive.
    """

    def __init__(self, hidden_units: Any = (300, 300), activation: str = "linear") -> None:
        super().__init__(hidden_units, activation)

    def _layer(self, units: int) -> keras.layers.Layer:
        return GatedDense(units, self.activation)
