"""What the likelihoods of counts have in common: whole numbers, a log-rate and a library size."""

from __future__ import annotations

import abc
import math
from typing import Any

import keras
import numpy as np
from hiervae.errors import DataError
from hiervae.likelihoods import Likelihood
from hiervae.options import check_number_between
from hiervae.types import Config, Tensor
from keras import ops

from hiervae_counts.head import Head, sum_event
from hiervae_counts.negative_binomial_law import draw_negative_binomial, log_negative_binomial

LOG_RATE_BOUNDS = (-30.0, 20.0)
LIBRARY_SIZE_BOUNDS = (1e-6, 4e8)
"""So that a count that is all of the library has a rate inside its bounds."""

EXAMPLES_FOR_LIBRARY = 10_000
LOG_DISPERSION_BOUNDS = (-7.0, 9.0)


class Counts(Likelihood, abc.ABC):
    """Independent counts whose log-mean is an affine map of the features, plus an offset.

    Where the library size is observed, it is the last value of each example: the means of the
    others are proportional to it, and it has a negative binomial distribution of its own, so that
    the density is one of the whole example and draws have library sizes like those of the data.

    The outcome of the affine map and the log-mean each stay between -30 and 20, so that means go up
    to 4.8e8. With a library size, all counts start with about the same share of it.

    Args:
        library_size: None for no offset; a number from 1e-6 to 4e8, whose logarithm is added to
            all log-means; or "last" where the last value of each example is its library size.
        **kwargs: `name`, `dtype` and `trainable` of a Keras layer.

    Raises:
        ValueError: if the library size is none of these.
    """

    value_range = (0.0, None)
    num_outputs = 1

    def __init__(self, library_size: float | str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if library_size is not None and library_size != "last":
            if isinstance(library_size, str):
                raise ValueError(
                    f'library_size={library_size!r}: expected None, a positive number or "last".'
                )
            library_size = check_number_between("library_size", library_size, *LIBRARY_SIZE_BOUNDS)
        self.library_size = library_size

    @property
    def _is_observed(self) -> bool:
        return self.library_size == "last"

    def build(self, input_shape: Any) -> None:
        """Create the weights for features (n, ...).

        Raises:
            ValueError: if the last value is a library size and an example is no vector.
        """
        shape = self.context.event_shape
        if self._is_observed:
            if len(shape) != 1 or shape[0] < 2:
                raise ValueError(
                    f'library_size="last" with examples of shape {shape}: expected vectors of the '
                    "counts and, last, their library size."
                )
            shape = (shape[0] - 1,)
            self.library = self.add_weight(
                shape=(2,),
                initializer=keras.initializers.Constant(math.log(2.0)),
                dtype="float32",
                autocast=False,
                name="library",
            )
        start = 0.0 if self.library_size is None else -math.log(math.prod(shape))
        self.head = Head(shape, self.num_outputs, start, name="parameters", dtype=self.dtype_policy)
        self.head.build(input_shape)
        self.build_counts(shape)

    def build_counts(self, shape: tuple[int, ...]) -> None:
        """Create what else the distribution of counts of this shape needs."""

    @property
    def num_examples_wanted(self) -> int:
        """How many examples the distribution of library sizes starts from."""
        return EXAMPLES_FOR_LIBRARY if self._is_observed else 0

    def adapt(self, examples: np.ndarray[Any, Any]) -> None:
        """Start the distribution of library sizes at mean and variance of (n, size) examples."""
        sizes = examples[:, -1].astype("float64")
        mean = max(float(sizes.mean()), 0.1)
        excess = max(float(sizes.var()) - mean, 1e-2 * mean)
        start = [math.log(mean), math.log(mean**2 / excess)]
        bounds = (LOG_RATE_BOUNDS, LOG_DISPERSION_BOUNDS)
        self.library.assign([_inside(*pair) for pair in zip(start, bounds, strict=True)])

    def call(self, features: Tensor, training: bool = False) -> tuple[Tensor, ...]:
        """Log-means without an observed library size, then what else the distribution has."""
        log_mean, *others = self.head(features)
        log_mean = ops.clip(log_mean, *LOG_RATE_BOUNDS)
        if self.library_size is not None and not isinstance(self.library_size, str):
            log_mean = log_mean + math.log(self.library_size)
        return ops.clip(log_mean, *LOG_RATE_BOUNDS), *self.bounded(log_mean, others)

    def bounded(self, log_mean: Tensor, others: list[Tensor]) -> tuple[Tensor, ...]:
        """The other parameters of counts from the other outputs of the head."""
        return tuple(others)

    @abc.abstractmethod
    def log_prob_of_counts(self, counts: Tensor, log_mean: Tensor, *others: Tensor) -> Tensor:
        """Log-probability of each count."""

    @abc.abstractmethod
    def sample_counts(self, seed: Any, log_mean: Tensor, *others: Tensor) -> Tensor:
        """A draw of each count."""

    def mean_of_counts(self, log_mean: Tensor, *others: Tensor) -> Tensor:
        """The mean of each count."""
        return ops.exp(log_mean)

    def _library_parameters(self) -> tuple[Tensor, Tensor]:
        """Log-mean and log-dispersion of library sizes."""
        weights = ops.convert_to_tensor(self.library)
        return (
            ops.clip(weights[0], *LOG_RATE_BOUNDS),
            ops.clip(weights[1], *LOG_DISPERSION_BOUNDS),
        )

    def log_prob(self, value: Tensor, parameters: tuple[Tensor, ...]) -> Tensor:
        """Log-probability in nats, shape (n,); minus infinity where a value is no count."""
        is_count = ops.logical_and(value >= 0.0, ops.equal(value, ops.floor(value)))
        known = ops.where(is_count, value, 0.0)
        log_mean, *others = parameters
        if self._is_observed:
            size, counts = known[:, -1:], known[:, :-1]
            log_prob = self.log_prob_of_counts(counts, _with_size(log_mean, size), *others)
            of_size = log_negative_binomial(size, *self._library_parameters())
            total = sum_event(log_prob) + sum_event(of_size)
        else:
            total = sum_event(self.log_prob_of_counts(known, log_mean, *others))
        axes = tuple(range(1, len(value.shape)))
        return ops.where(ops.all(is_count, axis=axes), total, -math.inf)

    def mean(self, parameters: tuple[Tensor, ...]) -> Tensor:
        """The mean of x, shape (n, *event_shape)."""
        log_mean, *others = parameters
        if not self._is_observed:
            return self.mean_of_counts(log_mean, *others)
        size = ops.exp(self._library_parameters()[0]) + ops.zeros_like(log_mean[:, :1])
        means = self.mean_of_counts(_with_size(log_mean, size), *others)
        return ops.concatenate([means, size], axis=-1)

    def sample(self, parameters: tuple[Tensor, ...], seed: Any = None) -> Tensor:
        """Whole numbers, shape (n, *event_shape)."""
        log_mean, *others = parameters
        if not self._is_observed:
            return self.sample_counts(seed, log_mean, *others)
        alone = ops.zeros_like(log_mean[:, :1])
        log_size, log_dispersion = (alone + each for each in self._library_parameters())
        size = draw_negative_binomial(log_size, log_dispersion, seed)
        counts = self.sample_counts(seed, _with_size(log_mean, size), *others)
        return ops.concatenate([counts, size], axis=-1)

    def reconstruction_error(self, value: Tensor, parameters: tuple[Tensor, ...]) -> Tensor:
        """-log p(x | z) in nats, shape (n,)."""
        return -self.log_prob(value, parameters)

    def log_prob_and_error(
        self, value: Tensor, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor]:
        """Both from one evaluation."""
        log_prob = self.log_prob(value, parameters)
        return log_prob, -log_prob

    def check_values(self, values: np.ndarray[Any, Any]) -> None:
        """Refuse anything but whole numbers from 0 to 4e8.

        Raises:
            DataError: if there is such a value.
        """
        super().check_values(values)
        largest = values.max()
        if largest > LIBRARY_SIZE_BOUNDS[1]:
            raise DataError(
                f"The data holds {largest:g}; the {type(self).__name__} likelihood expects counts "
                f"and library sizes up to {LIBRARY_SIZE_BOUNDS[1]:g}. Count in a larger unit."
            )
        fractions = values != np.floor(values)
        if fractions.any():
            position = tuple(int(each) for each in np.argwhere(fractions)[0])
            raise DataError(
                f"The data holds {values[position]} at position {position}; the "
                f"{type(self).__name__} likelihood expects whole numbers from 0. Give it raw "
                "counts, not scaled or logarithms of them."
            )

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {**super().get_config(), "library_size": self.library_size}


def _with_size(log_mean: Tensor, size: Tensor) -> Tensor:
    """Log-means times library sizes, which may be 0."""
    scaled = log_mean + ops.log(ops.maximum(size, 1e-6))
    return ops.clip(scaled, *LOG_RATE_BOUNDS)


def _inside(value: float, bounds: tuple[float, float]) -> float:
    """`value`, or the nearest half a unit from the bounds, where a clip has a gradient."""
    return min(max(value, bounds[0] + 0.5), bounds[1] - 0.5)
