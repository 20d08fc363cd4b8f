"""The affine map from features to the parameters of a likelihood."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from hiervae.types import Shape, Tensor
from keras import ops


class Head(keras.layers.Layer):
    """An affine map from features (n, ...) to `num` tensors of shape (n, *shape), float32.

    Args:
        shape: of each of them.
        num: how many.
        start: of the bias of the first of them; that of the others starts at 0.
        **kwargs: of a Keras layer.
    """

    def __init__(self, shape: Shape, num: int = 1, start: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape = tuple(shape)
        self.num = num
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        bias = np.zeros((math.prod(self.shape), num))
        bias[:, 0] = start
        # A tenth of Glorot's variance, so that what is exponentiated starts near its bias.
        self.dense = keras.layers.Dense(
            num * math.prod(self.shape),
            kernel_initializer=keras.initializers.VarianceScaling(0.1, "fan_avg", "uniform"),
            bias_initializer=lambda shape, dtype=None: ops.reshape(
                ops.convert_to_tensor(bias, dtype=dtype), shape
            ),
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: Any) -> None:
        """Create the weights for features of shape (n, ...)."""
        self.dense.build((None, math.prod(input_shape[1:])))

    def call(self, features: Tensor) -> tuple[Tensor, ...]:
        """The tensors."""
        outputs = ops.cast(self.dense(self.flatten(features)), "float32")
        outputs = ops.reshape(outputs, (-1, *self.shape, self.num))
        return tuple(outputs[..., index] for index in range(self.num))


def sum_event(values: Tensor) -> Tensor:
    """The sum over all axes but the first, shape (n,)."""
    return ops.sum(values, axis=tuple(range(1, len(values.shape))))
