"""The affine map from features to the parameters of a mixture."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from hiervae.types import Shape, Tensor
from keras import ops


class Head(keras.layers.Layer):
    """An affine map from features (n, ...) to parameters (n, *pixels, units), float32.

    Features (n, H, W, F) of an image of the example's own height and width are mapped pixel by
    pixel; all other features are flattened and mapped as a whole.

    Args:
        pixels: shape of the pixels of an example, such as (32, 32).
        bias: initial parameters of every pixel, shape (units,).
        **kwargs: of a Keras layer.
    """

    def __init__(self, pixels: Shape, bias: np.ndarray[Any, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pixels = tuple(pixels)
        self.bias = np.asarray(bias, dtype="float32")

    def build(self, input_shape: Any) -> None:
        """Create the weights for features of shape (n, ...)."""
        shape = tuple(input_shape[1:])
        self.per_pixel = len(shape) == 3 and shape[:2] == self.pixels
        repeats = 1 if self.per_pixel else math.prod(self.pixels)
        start = np.tile(self.bias, repeats)
        self.dense = keras.layers.Dense(
            len(start),
            bias_initializer=lambda shape, dtype=None: ops.convert_to_tensor(start, dtype=dtype),
            dtype=self.dtype_policy,
        )
        self.dense.build((None, shape[-1] if self.per_pixel else math.prod(shape)))

    def call(self, features: Tensor) -> Tensor:
        """The parameters."""
        if not self.per_pixel:
            features = ops.reshape(features, (-1, math.prod(features.shape[1:])))
        outputs = ops.cast(self.dense(features), "float32")
        return ops.reshape(outputs, (-1, *self.pixels, len(self.bias)))
