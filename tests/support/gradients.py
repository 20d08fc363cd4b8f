"""Gradients on every backend, by way of one step of plain gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tests.support.models import Array, numpy_of


def gradient(function: Callable[..., Any], *arrays: Any) -> list[Array]:
    """The gradients of the scalar `function(*tensors)` at `arrays`."""
    starts = [np.asarray(array, dtype="float32") for array in arrays]

    class Function(keras.Model):
        def build(self, input_shape: Any) -> None:
            self.places = [
                self.add_weight(shape=start.shape, initializer="zeros", name=f"at_{index}")
                for index, start in enumerate(starts)
            ]

        def call(self, inputs: Any) -> Any:
            values = [
                keras.ops.add(keras.ops.convert_to_tensor(place), start)
                for place, start in zip(self.places, starts)
            ]
            return keras.ops.reshape(function(*values), (1, 1)) + 0.0 * inputs

    model = Function()
    model.build((None, 1))
    model.compile(keras.optimizers.SGD(1.0), loss=lambda truth, value: value)
    model.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1)))
    return [-numpy_of(place) for place in model.places]
