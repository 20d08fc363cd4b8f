"""The Bernoulli likelihood."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from hiervae import random
from hiervae.distributions.diagonal_normal import as_float32
from hiervae.errors import DataError
from hiervae.likelihoods.base import Likelihood, flat_size
from hiervae.types import Config, Tensor


class Bernoulli(Likelihood):
    """Independent zeros and ones; the parameters are logits of shape (n, *event_shape).

    The reconstruction error is the cross-entropy, -log p(x | z). A value without a probability
    (anything but 0 and 1) has log-probability minus infinity.

    Args:
        allow_probabilities: accept values between 0 and 1 and take them as probabilities of a
            one; the "log-probability" is then the negative cross-entropy, not a likelihood.
    """

    value_range = (0.0, 1.0)

    def __init__(self, allow_probabilities: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.allow_probabilities = allow_probabilities

    def build(self, input_shape: Any) -> None:
        """Create the logits' weights for features of shape (n, ...)."""
        event_shape = self.context.event_shape
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        self.logits = keras.layers.Dense(flat_size(event_shape), name="logits")
        self.reshape = keras.layers.Reshape(event_shape)
        self.logits.build(self.flatten.compute_output_shape(input_shape))

    def call(self, features: Tensor, training: bool = False) -> Tensor:
        """Logits, shape (n, *event_shape)."""
        return as_float32(self.reshape(self.logits(self.flatten(features))))

    def log_prob(self, value: Tensor, parameters: Tensor) -> Tensor:
        """Log-probability in nats, shape (n,), for x and logits of shape (n, *event_shape)."""
        axes = tuple(range(1, len(value.shape)))
        log_prob = ops.sum(value * parameters - ops.softplus(parameters), axis=axes)
        if self.allow_probabilities:
            possible = ops.all(ops.logical_and(value >= 0.0, value <= 1.0), axis=axes)
        else:
            possible = ops.all(ops.equal(value * (1.0 - value), 0.0), axis=axes)
        return ops.where(possible, log_prob, -float("inf"))

    def mean(self, parameters: Tensor) -> Tensor:
        """Probabilities of a one, shape (n, *event_shape)."""
        return ops.sigmoid(parameters)

    def sample(self, parameters: Tensor, seed: Any = None) -> Tensor:
        """Zeros and ones, shape (n, *event_shape)."""
        uniform = random.uniform(ops.shape(parameters), seed)
        return ops.cast(uniform < ops.sigmoid(parameters), "float32")

    def reconstruction_error(self, value: Tensor, parameters: Tensor) -> Tensor:
        """The cross-entropy in nats, shape (n,)."""
        return -self.log_prob(value, parameters)

    def log_prob_and_error(self, value: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Both from one evaluation."""
        log_prob = self.log_prob(value, parameters)
        return log_prob, -log_prob

    def check_values(self, values: np.ndarray[Any, Any]) -> None:
        """Refuse anything but 0 and 1, or but [0, 1] where probabilities are allowed.

        Raises:
            DataError: if there is such a value.
        """
        super().check_values(values)
        if not self.allow_probabilities and not np.all((values == 0) | (values == 1)):
            grey = values[(values != 0) & (values != 1)].flat[0]
            raise DataError(
                f"The data has values between 0 and 1 (such as {grey:g}); the Bernoulli likelihood "
                "expects only 0 and 1. Binarise the data, or say that greys are meant as "
                'probabilities: likelihood={"name": "bernoulli", "allow_probabilities": True}.'
            )

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {**super().get_config(), "allow_probabilities": self.allow_probabilities}
