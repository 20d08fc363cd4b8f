"""Networks whose outputs depend on some of their inputs alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from hiervae.types import Tensor
from keras import ops
from numpy.typing import NDArray

Mask = NDArray[np.float32]

FIRST_SCALE = 0.1
"""Factor on Glorot's initial weights of the last layer, so that a flow starts near the identity."""


class MaskedNetwork(keras.layers.Layer):
    """Affine maps with masked kernels, and tanh between them.

    Everything is float32, whatever the dtype policy, since log-densities follow from it. tanh
    bounds the outputs, so that a density far out is finite.

    Args:
        masks: one (inputs, outputs) a layer; a kernel's entry counts where its mask is 1.
        num_parts: the last layer's columns are `num_parts` equal blocks under the last mask.
    """

    def __init__(self, masks: Sequence[Mask], num_parts: int = 2, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        *hidden, last = masks
        self._masks = (*hidden, np.tile(last, (1, num_parts)))
        self._num_parts = num_parts

    def build(self, input_shape: Any = None) -> None:
        """Create kernels and biases."""
        self.kernels, self.biases = [], []
        for index, mask in enumerate(self._masks):
            scale = FIRST_SCALE if mask is self._masks[-1] else 1.0
            initializer = keras.initializers.VarianceScaling(scale**2, "fan_avg", "uniform")
            for shape, start, name, kept in (
                (mask.shape, initializer, "kernel", self.kernels),
                (mask.shape[1:], "zeros", "bias", self.biases),
            ):
                weight = self.add_weight(
                    shape=shape, initializer=start, autocast=False, name=f"{name}_{index}"
                )
                kept.append(weight)

    def outputs(self, inputs: Tensor) -> list[Tensor]:
        """Return the blocks of outputs, each (n, outputs), for inputs (n, inputs)."""
        values = inputs
        for index, mask in enumerate(self._masks):
            values = ops.tanh(values) if index else values
            kernel = ops.convert_to_tensor(self.kernels[index]) * ops.convert_to_tensor(mask)
            values = ops.matmul(values, kernel) + ops.convert_to_tensor(self.biases[index])
        return list(ops.split(values, self._num_parts, axis=-1))


def autoregressive_masks(size: int, hidden_units: Sequence[int], context_size: int = 0) -> Any:
    """Return the masks of MADE (Germain et al. 2015, Eqs. 12-13).

    Output d depends on the inputs before d, and on the whole context, whose columns come last.

    Args:
        size: number D of inputs that have an order, and of outputs.
        hidden_units: widths of the hidden layers.
        context_size: number of inputs without an order.
    """
    lowest = 0 if context_size else 1
    degrees = np.concatenate([np.arange(1, size + 1), np.zeros(context_size, dtype=int)])
    masks = []
    for width in hidden_units:
        hidden = lowest + np.arange(width) % max(size - lowest, 1)
        masks.append((hidden >= degrees[:, None]).astype("float32"))
        degrees = hidden
    masks.append((np.arange(1, size + 1) > degrees[:, None]).astype("float32"))
    return masks


def dense_masks(inputs: int, hidden_units: Sequence[int], outputs: int) -> list[Mask]:
    """Return the masks of a network in which all outputs depend on all inputs."""
    widths = [inputs, *hidden_units, outputs]
    return [np.ones(shape, "float32") for shape in itertools.pairwise(widths)]
