"""The Bernoulli likelihood."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import ops

from hiervae import random
from hiervae.backend import sum_cross_entropy
from hiervae.likelihoods.base import Likelihood
from hiervae.likelihoods.greys import check_binary, is_binary, is_grey, where_possible
from hiervae.likelihoods.heads import OutputHead
from hiervae.types import Config, Tensor
from hiervae.utils.batching import Array
from hiervae.utils.validation import check_bool, check_choice

EXAMPLES_FOR_BIAS = 10_000
MEAN_BOUNDS = (0.001, 0.999)


class Bernoulli(Likelihood):
    """Independent zeros and ones; the parameters are logits of shape (n, *event_shape).

    The reconstruction error is the cross-entropy, -log p(x | z). A value without a probability
    (anything but 0 and 1) has log-probability minus infinity.

    Args:
        allow_probabilities: accept values between 0 and 1 and take them as probabilities of a
            one; the "log-probability" is then the negative cross-entropy, not a likelihood.
        initial_bias: "zeros", or "data" for the logit of the mean of up to 10,000 training
            examples, clipped to [0.001, 0.999] (Burda et al. 2016). Features that are an image
            have one bias a channel, which starts at the logit of the mean over all pixels.

    Raises:
        ValueError: if `initial_bias` is neither of the two words.
    """

    value_range = (0.0, 1.0)

    def __init__(
        self, allow_probabilities: bool = False, initial_bias: str = "zeros", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.allow_probabilities = check_bool("allow_probabilities", allow_probabilities)
        self.initial_bias = check_choice("initial_bias", initial_bias, ("zeros", "data"))

    def build(self, input_shape: Any) -> None:
        """Create the logits' weights for features of shape (n, ...)."""
        self.logits = OutputHead(self.context.event_shape, name="logits")
        self.logits.build(input_shape)

    @property
    def num_examples_wanted(self) -> int:
        """How many examples `adapt` estimates the training mean from."""
        return EXAMPLES_FOR_BIAS if self.initial_bias == "data" else 0

    @property
    def scores_between_values(self) -> bool:
        """Whether probabilities are allowed."""
        return self.allow_probabilities

    def adapt(self, examples: Array) -> None:
        """Start the bias at the logit of the mean of examples (n, *event_shape)."""
        axes = (0, 1, 2) if self.logits.per_pixel else 0
        mean = np.clip(examples.mean(axis=axes, dtype="float64"), *MEAN_BOUNDS)
        self.logits.bias.assign(np.log(mean / (1.0 - mean)).reshape(self.logits.bias.shape))

    def call(self, features: Tensor, training: bool = False) -> Tensor:
        """Logits, shape (n, *event_shape)."""
        (logits,) = self.logits(features)
        return logits

    def log_prob(self, value: Tensor, parameters: Tensor) -> Tensor:
        """Log-probability in nats, shape (n,), for x and logits of shape (n, *event_shape)."""
        possible = is_grey(value) if self.allow_probabilities else is_binary(value)
        return where_possible(possible, value * parameters - ops.softplus(parameters))

    def log_prob_of_draws(self, value: Tensor, parameters: Tensor, num_samples: int) -> Tensor:
        """See the base class."""
        possible = is_grey(value) if self.allow_probabilities else is_binary(value)
        size = math.prod(value.shape[1:])
        x = ops.reshape(value, (1, -1, size))
        logits = ops.reshape(parameters, (num_samples, -1, size))
        all_possible = ops.all(possible, axis=tuple(range(1, len(value.shape))))
        total = sum_cross_entropy(x, logits) + ops.log(ops.cast(all_possible, "float32"))
        return ops.reshape(total, (-1,))

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
        if not self.allow_probabilities:
            check_binary(
                values,
                "Bernoulli",
                "say that greys are meant as probabilities: "
                'likelihood={"name": "bernoulli", "allow_probabilities": True}.',
            )

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "allow_probabilities": self.allow_probabilities,
            "initial_bias": self.initial_bias,
        }
