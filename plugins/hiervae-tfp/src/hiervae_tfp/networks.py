"""Networks that give a bijector, or the conditionals of a distribution, their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from hiervae.types import Tensor
from hiervae_flows.masked_network import MaskedNetwork, autoregressive_masks, dense_masks
from keras import ops


class Parameters(keras.layers.Layer):
    """`num_parts` parameters of each of some outputs, from vectors.

    Args:
        inputs: size of the vectors.
        outputs: how many have parameters; None for as many as there are inputs, and those of one
            depend on the inputs before it alone (MADE, Germain et al. 2015).
        hidden_units: widths of the hidden layers (tanh).
        num_parts: parameters of each output.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int | None,
        hidden_units: Sequence[int],
        num_parts: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.inputs = inputs
        if outputs is None:
            masks = autoregressive_masks(inputs, hidden_units)
        else:
            masks = dense_masks(inputs, hidden_units, outputs)
        self.network = MaskedNetwork(masks, num_parts)

    def build(self, input_shape: Any = None) -> None:
        """Create the weights."""
        self.network.build()

    def call(self, vectors: Tensor) -> Tensor:
        """Return (..., outputs, num_parts) for vectors (..., inputs)."""
        flat = ops.reshape(vectors, (-1, self.inputs))
        parts = ops.stack(self.network.outputs(flat), axis=-1)
        return ops.reshape(parts, (*ops.shape(vectors)[:-1], *parts.shape[1:]))


def shift_and_log_scale(network: Parameters, bound: float) -> Any:
    """Return the function that flows of TensorFlow Probability want.

    Args:
        network: of two parts.
        bound: largest absolute logarithm of a scale, b; it is b tanh(r / b) of the outcome r.
    """

    def function(vectors: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        parts = network(vectors)
        return parts[..., 0], bound * ops.tanh(parts[..., 1] / bound)

    return function
