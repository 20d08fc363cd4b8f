"""The base of all likelihoods p(x | z)."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

import numpy as np
from keras import ops

from hiervae.errors import DataError
from hiervae.part import Part
from hiervae.types import Shape, Tensor
from hiervae.utils.arrays import first_position
from hiervae.utils.overrides import stands_for


class Likelihood(Part, abc.ABC):
    """The density of an example given the decoder's features.

    Calling the layer maps features (n, ...) to the density's parameters; every other method takes
    those parameters, so that the output heads run once. The weights of the heads are created in
    `build(features_shape)`; `self.context.event_shape` is the shape of an example. A decoder that
    is autoregressive over the example's values does its work in `log_prob` and `sample`; where a
    draw takes long it also gives `num_sampling_steps`, `start_sampling` and `sampling_step`, so
    that the model can show its progress.

    Attributes:
        value_range: lowest and highest value with a density, None where unbounded.
        mean_is_exact: whether `mean` is the mean of what `sample` draws, or a picture that stands
            for it, as the class documents.
        scores_between_values: whether `log_prob` also scores values between those that `sample`
            draws, as the cross-entropy of a probability; such a score is no log-probability.
    """

    value_range: ClassVar[tuple[float | None, float | None]] = (None, None)
    mean_is_exact: ClassVar[bool] = True

    @property
    def scores_between_values(self) -> bool:
        """False; see the class."""
        return False

    @abc.abstractmethod
    def call(self, features: Tensor, training: bool = False) -> Any:
        """The parameters of the density for features (n, ...), float32."""

    @abc.abstractmethod
    def log_prob(self, value: Tensor, parameters: Any) -> Tensor:
        """Log-density of x (n, *event_shape) in nats, summed over the event: shape (n,)."""

    @abc.abstractmethod
    def mean(self, parameters: Any) -> Tensor:
        """The mean of x, shape (n, *event_shape)."""

    @abc.abstractmethod
    def sample(self, parameters: Any, seed: Any = None) -> Tensor:
        """A draw of x, shape (n, *event_shape)."""

    @abc.abstractmethod
    def reconstruction_error(self, value: Tensor, parameters: Any) -> Tensor:
        """The error C of x under p(x | z) that a constraint bounds, summed over the event: (n,).

        It is -log p(x | z), or that part of it which x decides where the rest is not to be bounded:
        for a normal distribution the squared error.
        """

    @property
    def num_sampling_steps(self) -> int:
        """How many calls of `sampling_step` complete a draw; 0 where it is drawn at once."""
        return 0

    def start_sampling(self, parameters: Any, seed: Any = None) -> tuple[Tensor, ...]:
        """All randomness of a draw, and what else its steps need.

        Returns:
            The state of a draw: tensors with a leading axis n. The first has the shape
            (n, *event_shape) and is the draw after the last step.
        """
        return (self.sample(parameters, seed),)

    def sampling_step(self, state: tuple[Tensor, ...], step: Tensor) -> tuple[Tensor, ...]:
        """The state after one step more; `step` counts from 0 and may be traced."""
        return state

    def log_prob_of_draws(self, value: Tensor, parameters: Any, num_samples: int) -> Tensor:
        """Log-density of each example under the parameters of several draws, in nats.

        What depends on the example alone is computed once by those that override it. A class that
        replaces `log_prob` alone is asked for that, whatever it inherits.

        Args:
            value: x, shape (batch, *event_shape).
            parameters: of num_samples * batch rows, sample-major.
            num_samples: draws of each example.

        Returns:
            Shape (num_samples * batch,).
        """
        if num_samples > 1:
            value = ops.tile(value, (num_samples, *(1 for _ in value.shape[1:])))
        return self.log_prob(value, parameters)

    def log_prob_and_error(self, value: Tensor, parameters: Any) -> tuple[Tensor, Tensor]:
        """Log-density and reconstruction error, each (n,); override where they share work."""
        return self.log_prob(value, parameters), self.reconstruction_error(value, parameters)

    def check_values(self, values: np.ndarray[Any, Any]) -> None:
        """Refuse an array that has values without a density.

        Raises:
            DataError: if a value lies outside `value_range`.
        """
        low, high = self.value_range
        smallest, largest = values.min(), values.max()
        if low is not None and smallest < low:
            index = first_position(values < low)
        elif high is not None and largest > high:
            index = first_position(values > high)
        else:
            return
        raise DataError(
            f"The data holds {values[index]} at position {index}, and values from {smallest:g} to "
            f"{largest:g}; the {type(self).__name__} likelihood expects values from {low} to "
            f"{high}. Rescale the data (divide 8-bit greys by 255), or choose another likelihood."
        )


def log_prob_and_error(
    likelihood: Likelihood, value: Tensor, parameters: Any
) -> tuple[Tensor, Tensor]:
    """Return both of `likelihood.log_prob_and_error`, (n,) each, nats.

    Where a subclass replaced one of the two methods alone, what it inherits of both is not asked.
    """
    if stands_for(likelihood, "log_prob_and_error", "log_prob", "reconstruction_error"):
        return likelihood.log_prob_and_error(value, parameters)
    return Likelihood.log_prob_and_error(likelihood, value, parameters)


def draws_in_steps(likelihood: Likelihood) -> bool:
    """Whether `start_sampling` and `sampling_step` give what `likelihood.sample` does.

    Not where a subclass replaced `sample` alone, whatever steps it inherits.
    """
    names = ("start_sampling", "sampling_step")
    return any(stands_for(likelihood, name, "sample") for name in names)


def flat_size(shape: Shape) -> int:
    """Number of scalars in an array of this shape."""
    return int(np.prod(shape, dtype=np.int64))
