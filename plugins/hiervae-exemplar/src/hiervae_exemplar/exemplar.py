"""The exemplar prior."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from hiervae.distributions import DiagonalNormal
from hiervae.errors import DataError
from hiervae.options import CheckedOption, check_finite_number, check_positive_int
from hiervae.priors.mixture import Mixture
from hiervae.types import Config, Tensor
from keras import ops
from numpy.typing import NDArray

LOG_TWO_PI = math.log(2.0 * math.pi)
LOG_VARIANCE_BOUNDS = (-8.0, 4.0)
NEVER = -1e30
"""Stands for the logarithm of zero where gradients are taken."""


class ExemplarPrior(Mixture):
    """p(z) = (1/N) sum_n N(z | mu(x_n), s^2 I) over training examples x_n (Norouzi et al. 2020).

    mu(x) is the mean of the posterior q(z | x), s^2 one learned variance. The means of all
    exemplars are weights: a training step encodes the exemplars nearest to its latents, with
    gradients, and some others in turn, and writes their means there. Outside training the density
    is that of all N means as they are. See the README for the training objective.

    Args:
        num_components: N, the most training examples to be exemplars; the first `fit` draws them
            at random and takes all where there are fewer.
        num_neighbors: k, the exemplars beside itself that a latent sees in training.
        refresh_size: exemplars that a training step encodes in turn, beside the nearest ones.
        initial_log_variance: log s^2 at the start, from -8 to 4, between which it stays.
        name: of the Keras layer.
        dtype: of the Keras layer.
        trainable: False keeps s^2 where it starts.

    Raises:
        ValueError: if an option is wrong.
    """

    live_options = ("num_neighbors",)
    num_neighbors = CheckedOption(check_positive_int)

    def __init__(
        self,
        num_components: int = 5000,
        num_neighbors: int = 10,
        refresh_size: int = 500,
        initial_log_variance: float = 0.0,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(num_components, name=name, dtype=dtype, trainable=trainable)
        if num_components < 2:
            raise ValueError(
                f"num_components={num_components!r}: expected at least 2, since an example is left "
                "out of its own mixture."
            )
        self.num_neighbors = num_neighbors
        self.refresh_size = check_positive_int("refresh_size", refresh_size)
        self.initial_log_variance = check_finite_number(
            "initial_log_variance", initial_log_variance
        )
        low, high = LOG_VARIANCE_BOUNDS
        if not low < initial_log_variance < high:
            raise ValueError(
                f"initial_log_variance={initial_log_variance!r}: expected a number between {low} "
                f"and {high}, such as 0."
            )

    @property
    def is_exact(self) -> bool:
        """True: the density outside training has all exemplars."""
        return True

    def build(self, input_shape: Any) -> None:
        """Create the room for exemplars and their means, which start as draws of N(0, I)."""
        super().build(input_shape)
        size = self.num_components
        self.exemplars = self._kept((size, *self.context.event_shape), "zeros", "exemplars")
        start = keras.initializers.RandomNormal(stddev=1.0)
        self.means = self._kept((size, input_shape[-1]), start, "means")
        self.count = self._kept((), "zeros", "count", "int32")
        self.next_refreshed = self._kept((), "zeros", "next_refreshed", "int32")
        self.log_variance = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.initial_log_variance),
            autocast=False,
            dtype="float32",
            name="log_variance",
        )

    def _kept(self, shape: Any, initializer: Any, name: str, dtype: str = "float32") -> Any:
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            trainable=False,
            autocast=False,
            dtype=dtype,
            name=name,
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(n, N): what a row of latents takes, so that scoring takes so many rows at once."""
        return (input_shape[0], self.num_components)

    @property
    def num_examples_wanted(self) -> int:
        """N, or 0 where the prior has its exemplars."""
        return 0 if self.num_exemplars() else self.num_components

    def num_exemplars(self) -> int:
        """Return how many exemplars there are."""
        return int(ops.convert_to_numpy(self.count)) if self.built else 0

    def examples(self) -> NDArray[Any]:
        """Return the exemplars, shape (num_exemplars, *event_shape)."""
        return np.asarray(ops.convert_to_numpy(self.exemplars))[: self.num_exemplars()]

    def adapt(self, examples: NDArray[Any]) -> None:
        """Take the first N of the examples (n, *event_shape), or all where there are fewer.

        Raises:
            DataError: if there is only one, or they are of another shape.
        """
        array = np.asarray(examples, dtype="float32")[: self.num_components]
        if array.shape[1:] != self.context.event_shape or len(array) < 2:
            raise DataError(
                f"ExemplarPrior received examples of shape {np.shape(examples)}; expected two or "
                f"more of shape {self.context.event_shape}. Train on more examples."
            )
        kept = np.zeros(tuple(self.exemplars.shape), dtype="float32")
        kept[: len(array)] = array
        self.exemplars.assign(kept)
        self.count.assign(len(array))
        self.next_refreshed.assign(0)

    def refresh(self, encode: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        """Let the means be those that the encoder gives now.

        Args:
            encode: from examples (n, *event_shape) to their posterior means (n, prior_dim).

        Raises:
            ValueError: if the prior has no exemplars yet.
        """
        self.check_ready()
        kept = np.array(ops.convert_to_numpy(self.means))
        kept[: self.num_exemplars()] = encode(self.examples())
        self.means.assign(kept)

    def check_ready(self) -> None:
        """See the base class.

        Raises:
            ValueError: if the prior has no exemplars yet.
        """
        if not self.num_exemplars():
            raise ValueError(
                "ExemplarPrior has no exemplars yet; expected training examples as its components. "
                "Train the model with `fit`, load a trained one, or call `model.adapt(x)`."
            )

    def check_component(self, index: Any) -> int:
        """`index` if it is that of an exemplar.

        Raises:
            ValueError: if it is not.
        """
        index = super().check_component(index)
        if index >= self.num_exemplars():
            raise ValueError(
                f"component={index!r}: the prior has {self.num_exemplars()} exemplars; expected an "
                "integer below that."
            )
        return index

    def log_weights(self) -> Tensor:
        """-log of the number of exemplars, shape (N,); the room that is left has no weight."""
        count = ops.maximum(ops.convert_to_tensor(self.count), 1)
        used = ops.arange(self.num_components, dtype="int32") < count
        return ops.where(used, -ops.log(ops.cast(count, "float32")), NEVER)

    def normals(self, components: DiagonalNormal | None = None) -> DiagonalNormal:
        """N(mu(x_n), s^2 I) with the means as they are kept, parameters (N, prior_dim)."""
        means = ops.convert_to_tensor(self.means)
        return DiagonalNormal(means, ops.zeros_like(means) + self._bounded_log_variance())

    def _bounded_log_variance(self) -> Tensor:
        return ops.clip(ops.convert_to_tensor(self.log_variance), *LOG_VARIANCE_BOUNDS)

    def log_prob_in_training(
        self,
        latent: Tensor,
        inputs: Tensor,
        encode: Callable[[Tensor], DiagonalNormal],
        components: DiagonalNormal | None = None,
        seed: Any = None,
    ) -> Tensor:
        """Return log (1/(N-1)) sum over the k exemplars nearest to z, x itself left out; (n,).

        Args:
            latent: z, shape (n, prior_dim).
            inputs: x of each z, shape (n, *event_shape).
            encode: from examples (m, *event_shape) to their posteriors.
            components: none.
            seed: of nothing here.
        """
        near = self._nearest(ops.stop_gradient(latent))
        exemplars = ops.take(ops.convert_to_tensor(self.exemplars), near, axis=0)
        means = encode(ops.reshape(exemplars, (-1, *self.context.event_shape))).mean
        self._keep(ops.reshape(near, (-1,)), ops.stop_gradient(means), encode)
        log_variance = self._bounded_log_variance()
        centered = latent[:, None] - ops.reshape(means, (-1, *near.shape[1:], latent.shape[-1]))
        squares = ops.square(centered) * ops.exp(-log_variance)
        log_densities = -0.5 * ops.sum(squares + log_variance + LOG_TWO_PI, axis=-1)
        itself = _first(_is_same(inputs[:, None], exemplars))
        count = ops.convert_to_tensor(self.count)
        left_out = ops.logical_or(itself, near >= count)
        total = ops.logsumexp(ops.where(left_out, NEVER, log_densities), axis=-1)
        others = ops.cast(count - ops.sum(ops.cast(itself, "int32"), axis=-1), "float32")
        return total - ops.log(others)

    def _nearest(self, latent: Tensor) -> Tensor:
        """Numbers (n, k + 1) of the exemplars whose means are nearest to each z (n, d)."""
        means = ops.convert_to_tensor(self.means)
        score = ops.matmul(latent, ops.transpose(means)) - 0.5 * ops.sum(ops.square(means), axis=-1)
        used = ops.arange(self.num_components, dtype="int32") < ops.convert_to_tensor(self.count)
        number = min(self.num_neighbors + 1, self.num_components)
        _, near = ops.top_k(ops.where(used, score, NEVER), number)
        return ops.cast(near, "int32")

    def _keep(
        self, near: Tensor, means: Tensor, encode: Callable[[Tensor], DiagonalNormal]
    ) -> None:
        """Write the means of the exemplars that were encoded, and of the next ones in turn."""
        count = ops.maximum(ops.convert_to_tensor(self.count), 1)
        size = min(self.refresh_size, self.num_components)
        first = ops.convert_to_tensor(self.next_refreshed)
        turn = (first + ops.arange(size, dtype="int32")) % count
        others = encode(ops.take(ops.convert_to_tensor(self.exemplars), turn, axis=0)).mean
        index = ops.concatenate([near, turn])
        values = ops.concatenate([means, ops.stop_gradient(others)], axis=0)
        kept = ops.convert_to_tensor(self.means)
        self.means.assign(ops.scatter_update(kept, index[:, None], values))
        self.next_refreshed.assign((first + size) % count)

    def get_config(self) -> Config:
        """Constructor arguments."""
        config = super().get_config()
        del config["weights"]
        return {
            **config,
            "num_neighbors": self.num_neighbors,
            "refresh_size": self.refresh_size,
            "initial_log_variance": self.initial_log_variance,
        }


def _is_same(inputs: Tensor, exemplars: Tensor) -> Tensor:
    """Whether x (n, 1, *event_shape) is each exemplar (n, k, *event_shape), or drawn from it.

    Zeros and ones that are drawn from greys at every step are those of an exemplar where they agree
    with all of its values that are zero or one.
    """
    is_binary = ops.equal(inputs * (1.0 - inputs), 0.0)
    is_grey = ops.logical_and(exemplars > 0.0, exemplars < 1.0)
    agrees = ops.logical_or(ops.equal(inputs, exemplars), ops.logical_and(is_binary, is_grey))
    return ops.all(agrees, axis=tuple(range(2, len(exemplars.shape))))


def _first(found: Tensor) -> Tensor:
    """Only the first True of each row (n, k)."""
    number = ops.cumsum(ops.cast(found, "int32"), axis=-1)
    return ops.logical_and(found, ops.equal(number, 1))
