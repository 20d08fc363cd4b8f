"""The variational mixture of posteriors."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from hiervae.priors.posterior_mixture import PosteriorMixture
from hiervae.types import Config
from hiervae.utils.batching import Array
from hiervae.utils.validation import check_choice, check_finite_number, check_positive_number

DEFAULT_NOISE = 0.01


class VampPrior(PosteriorMixture):
    """p(z) = sum_k w_k q(z | u_k) with learned pseudo-inputs u_k (Tomczak & Welling 2018, Eq. 9).

    The weights behind the pseudo-inputs are free; `pseudo_inputs` clips them to the likelihood's
    range of values, if it has one. A value outside the range receives no gradient until another
    force (such as weight decay) brings it back, so starts should lie inside. With examples of zeros
    and ones and noise, about half of the values start outside and stay as they are.

    Args:
        num_components: K.
        weights: "uniform" for w_k = 1/K, or "learned" for the softmax of free logits (Eq. 16).
        initialize: "normal" for independent values, or "data" for the first K examples that
            `adapt` receives, with noise; `fit` gives it training examples drawn at random. Until
            then they are those of "normal".
        initial_mean: mean of the values; the paper's 0.05 is near the mean of binary MNIST.
        initial_stddev: their standard deviation.
        initial_noise: standard deviation of the noise on examples; None is 0.01. Only where
            initialize="data".
        **kwargs: `name` and `dtype` of a Keras layer.

    Raises:
        ValueError: if an option is wrong; at build, if `initial_mean` is not in the
            likelihood's support.
    """

    def __init__(
        self,
        num_components: int = 500,
        weights: str = "uniform",
        initialize: str = "normal",
        initial_mean: float = 0.05,
        initial_stddev: float = 0.01,
        initial_noise: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_components, weights, **kwargs)
        self.initialize = check_choice("initialize", initialize, ("normal", "data"))
        self.initial_mean = check_finite_number("initial_mean", initial_mean)
        self.initial_stddev = check_positive_number("initial_stddev", initial_stddev)
        if initial_noise is not None:
            check_positive_number("initial_noise", initial_noise)
            if initialize != "data":
                raise ValueError(
                    f"initial_noise={initial_noise!r} beside initialize={initialize!r}: the noise "
                    'is that on examples. Give initialize="data", or set initial_stddev.'
                )
        self.initial_noise = initial_noise
        self._start = keras.initializers.RandomNormal(initial_mean, initial_stddev)
        # An initialiser, because it takes its seed from the model's when it is made.
        self._noise = keras.initializers.RandomNormal(stddev=initial_noise or DEFAULT_NOISE)

    def build(self, input_shape: Any) -> None:
        """Create the pseudo-inputs.

        Raises:
            ValueError: if they would start outside the likelihood's range, without gradients.
        """
        super().build(input_shape)
        low, high = self.context.value_range
        below = low is not None and self.initial_mean < low
        if below or (high is not None and self.initial_mean > high):
            raise ValueError(
                f"initial_mean={self.initial_mean}: expected a value from {low} to {high}, the "
                "range of the likelihood. Pseudo-inputs outside it are clipped and do not learn."
            )
        self.inputs = self.add_weight(
            shape=(self.num_components, *self.context.event_shape),
            initializer=self._start,
            name="pseudo_inputs",
        )

    @property
    def num_examples_wanted(self) -> int:
        """K where the pseudo-inputs are to start from examples, else 0."""
        return self.num_components if self.initialize == "data" else 0

    def adapt(self, examples: Array) -> None:
        """Let the pseudo-inputs be the first K examples (n, *event_shape), with noise.

        Raises:
            DataError: if there are fewer than K, or they are of another shape.
        """
        array = self.checked_examples(examples)
        noise = self._noise(array.shape, dtype="float32")
        self.inputs.assign(ops.convert_to_tensor(array) + noise)

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "initialize": self.initialize,
            "initial_mean": self.initial_mean,
            "initial_stddev": self.initial_stddev,
            "initial_noise": self.initial_noise,
        }
