"""Where values that are clipped to bounds begin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
import numpy as np

from hiervae.types import Config, Tensor


def start_within(bounds: tuple[float, float], usual: float = 0.0) -> float:
    """Return `usual`, or the middle of bounds that it is not inside.

    What is clipped at a bound has no gradient, so a value that starts there may stay for ever.
    """
    low, high = bounds
    return usual if low < usual < high else 0.5 * (low + high)


class RepeatedStart(keras.initializers.Initializer):
    """The same few values again and again, for a bias with several parameters of each value.

    Args:
        values: one for each parameter.
    """

    def __init__(self, values: Sequence[float]) -> None:
        self.values = tuple(values)

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        """Return the start of a weight of this shape, whose size is a multiple of the values'."""
        return keras.ops.convert_to_tensor(np.resize(self.values, shape), dtype=dtype)

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {"values": self.values}


Start: TypeAlias = str | RepeatedStart
"""How a bias starts: by the name of one of Keras' initialisers, or with values of parameters."""
