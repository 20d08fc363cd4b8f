"""The layer between the decoder's features and a likelihood's parameters."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from hiervae.backend import affine_map
from hiervae.distributions.diagonal_normal import as_float32
from hiervae.likelihoods.base import flat_size
from hiervae.networks.starts import Start
from hiervae.types import Shape, Tensor


class OutputHead(keras.layers.Layer):
    """An affine map from features to `num` parameters for every value of an example.

    Features (n, H, W, F) of an image of the example's own height and width are mapped pixel by
    pixel (a 1x1 convolution); all other features are flattened and mapped as a whole.

    Args:
        event_shape: shape of an example.
        num: parameters a value.
        bias_initializer: start of the bias, (values * num,), the parameters of a value together.
        **kwargs: of a Keras layer.
    """

    def __init__(
        self, event_shape: Shape, num: int = 1, bias_initializer: Start = "zeros", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.event_shape = tuple(event_shape)
        self.num = num
        self.bias_initializer = bias_initializer
        self.flatten = keras.layers.Flatten("channels_last", dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        """Create kernel and bias for features of shape (n, ...)."""
        features, event = tuple(input_shape[1:]), self.event_shape
        self.per_pixel = len(features) == 3 and len(event) in (2, 3) and features[:2] == event[:2]
        mapped = event[2:] if self.per_pixel else event
        size = features[-1] if self.per_pixel else flat_size(features)
        units = self.num * flat_size(mapped)
        self.kernel = self.add_weight(
            shape=(size, units), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(units,), initializer=self.bias_initializer, name="bias")

    def call(self, features: Tensor) -> tuple[Tensor, ...]:
        """The parameters, `num` tensors of shape (n, *event_shape), float32."""
        if not self.per_pixel:
            features = self.flatten(features)
        if self.per_pixel:
            outputs = ops.add(ops.matmul(features, self.kernel), self.bias)
        else:
            weights = (ops.convert_to_tensor(weight) for weight in (self.kernel, self.bias))
            outputs = affine_map(features, *weights)
        outputs = as_float32(outputs)
        if self.num == 1:  # a slice would copy it, and its gradient
            return (ops.reshape(outputs, (-1, *self.event_shape)),)
        outputs = ops.reshape(outputs, (-1, *self.event_shape, self.num))
        return tuple(outputs[..., index] for index in range(self.num))
