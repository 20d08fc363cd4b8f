"""The dense layers and blocks that the multilayer perceptrons are made of."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from hiervae.types import Tensor


class GatedDense(keras.layers.Layer):
    """h(x) * sigmoid(g(x)) with two affine maps h and g (Tomczak & Welling 2018, section 4).

    Maps (n, k) to (n, units).

    Args:
        units: number of outputs.
        activation: nonlinearity of h; the paper has none.
    """

    def __init__(self, units: int, activation: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.dense = keras.layers.Dense(
            2 * units, kernel_initializer="he_normal", dtype=self.dtype_policy, name="dense"
        )

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs (n, k)."""
        self.dense.build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the gated map."""
        value, gate = ops.split(self.dense(inputs), 2, axis=-1)
        return self.activation(value) * ops.sigmoid(gate)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape (n, units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "units": self.units, "activation": activation}


class DenseBlock(keras.layers.Layer):
    """Dense layers over one flattened input, or over several joined after the first layer.

    With several inputs each has a first layer of its own; their outputs are concatenated and the
    remaining layers follow, as in the two-level HVAE of Tomczak & Welling (2018).

    Args:
        layers: one function a hidden layer that returns a new Keras layer.
        num_inputs: how many tensors the block is called with.
    """

    def __init__(self, layers: list[Any], num_inputs: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        first, rest = layers[0], layers[1:]
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        self.branches = [first() for _ in range(num_inputs)]
        self.trunk = [layer() for layer in rest]

    def build(self, input_shape: Any) -> None:
        """Create the weights for one input shape, or for a list of them."""
        shapes = input_shape if len(self.branches) > 1 else [input_shape]
        width = 0
        for branch, shape in zip(self.branches, shapes, strict=True):
            flat = self.flatten.compute_output_shape(shape)
            branch.build(flat)
            width += branch.compute_output_shape(flat)[-1]
        joined: Any = (None, width)
        for layer in self.trunk:
            layer.build(joined)
            joined = layer.compute_output_shape(joined)
        self._width = joined[-1]

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Map the input, or the list of inputs, to features (n, units of the last layer)."""
        tensors = inputs if len(self.branches) > 1 else [inputs]
        hidden = [
            branch(self.flatten(tensor), training=training)
            for branch, tensor in zip(self.branches, tensors, strict=True)
        ]
        output = hidden[0] if len(hidden) == 1 else ops.concatenate(hidden, axis=-1)
        for layer in self.trunk:
            output = layer(output, training=training)
        return output

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape (n, units of the last layer)."""
        first = input_shape[0] if len(self.branches) > 1 else input_shape
        return (first[0], self._width)
