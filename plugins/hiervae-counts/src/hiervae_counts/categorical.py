"""The categorical likelihood."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hiervae import random
from hiervae.errors import DataError
from hiervae.likelihoods import Likelihood
from hiervae.options import check_positive_int
from hiervae.types import Config, Tensor
from keras import ops

from hiervae_counts.head import Head, sum_event


class Categorical(Likelihood):
    """Independent categories 0 ... K - 1; the parameters are log-probabilities (n, *event, K).

    `mean` is that of the numbers of the categories, which means something where they have an
    order.

    Args:
        num_categories: K, at least 2.
        **kwargs: `name`, `dtype` and `trainable` of a Keras layer.

    Raises:
        ValueError: if K is not an integer from 2.
    """

    def __init__(self, num_categories: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_categories = check_positive_int("num_categories", num_categories)
        if self.num_categories < 2:
            raise ValueError("num_categories=1: expected at least 2.")

    @property
    def value_range(self) -> tuple[float, float]:
        """From 0 to K - 1."""
        return (0.0, self.num_categories - 1.0)

    def build(self, input_shape: Any) -> None:
        """Create the weights for features (n, ...)."""
        shape = (*self.context.event_shape, self.num_categories)
        self.head = Head(shape, name="logits", dtype=self.dtype_policy)
        self.head.build(input_shape)

    def call(self, features: Tensor, training: bool = False) -> Tensor:
        """Log-probabilities, shape (n, *event_shape, K)."""
        (logits,) = self.head(features)
        return ops.log_softmax(logits, axis=-1)

    def log_prob(self, value: Tensor, parameters: Tensor) -> Tensor:
        """Log-probability in nats, shape (n,); minus infinity where there is no such category."""
        categories = ops.arange(self.num_categories, dtype="float32")
        is_it = ops.equal(value[..., None], categories)
        log_prob = ops.sum(ops.where(is_it, parameters, 0.0), axis=-1)
        known = ops.any(is_it, axis=-1)
        axes = tuple(range(1, len(value.shape)))
        return ops.where(ops.all(known, axis=axes), sum_event(log_prob), -math.inf)

    def mean(self, parameters: Tensor) -> Tensor:
        """The mean number of the category, shape (n, *event_shape)."""
        categories = ops.arange(self.num_categories, dtype="float32")
        return ops.sum(ops.exp(parameters) * categories, axis=-1)

    def sample(self, parameters: Tensor, seed: Any = None) -> Tensor:
        """Categories, shape (n, *event_shape), float32."""
        below = ops.cumsum(ops.exp(parameters), axis=-1)[..., :-1]
        uniform = random.uniform(tuple(ops.shape(parameters)[:-1]), seed)
        return ops.sum(ops.cast(uniform[..., None] >= below, "float32"), axis=-1)

    def reconstruction_error(self, value: Tensor, parameters: Tensor) -> Tensor:
        """-log p(x | z) in nats, shape (n,)."""
        return -self.log_prob(value, parameters)

    def check_values(self, values: np.ndarray[Any, Any]) -> None:
        """Refuse anything but the numbers of categories.

        Raises:
            DataError: if there is such a value.
        """
        super().check_values(values)
        fractions = values != np.floor(values)
        if fractions.any():
            raise DataError(
                f"The data holds {values[fractions][0]}; the Categorical likelihood expects the "
                f"numbers 0 ... {self.num_categories - 1} of categories."
            )

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {**super().get_config(), "num_categories": self.num_categories}
