"""The base of all priors that are mixtures of diagonal normals."""

from __future__ import annotations

import abc
import math
import numbers
from typing import Any

from keras import ops

from hiervae import random
from hiervae.backend import largest, matrix_product
from hiervae.distributions import DiagonalNormal
from hiervae.distributions.diagonal_normal import LOG_TWO_PI, as_float32
from hiervae.priors.base import Prior
from hiervae.types import Config, Tensor
from hiervae.utils.validation import check_choice, check_positive_int

DIMENSIONS_AT_A_TIME = 20


class Mixture(Prior, abc.ABC):
    """p(z) = sum_k w_k N(z | mu_k, sigma_k^2), a mixture over components of the full vector.

    Args:
        num_components: K.
        weights: "uniform" for w_k = 1/K, or "learned" for the softmax of K free logits
            (Tomczak & Welling 2018, Eq. 16), which start at equal weights.
        **kwargs: `name` and `dtype` of a Keras layer.

    Raises:
        ValueError: if an option is wrong.
    """

    def __init__(self, num_components: int, weights: str = "uniform", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_components = check_positive_int("num_components", num_components)
        self.component_weights = check_choice("weights", weights, ("uniform", "learned"))
        self._logits: Any = None

    def build(self, input_shape: Any) -> None:
        """Create the logits of the weights, where they are learned."""
        if self.component_weights == "learned" and self.num_components > 1:
            self._logits = self.add_weight(
                shape=(self.num_components,), initializer="zeros", name="weight_logits"
            )

    def may_set(self, name: str, value: object) -> bool:
        """See the base class."""
        return name != "component_weights" and super().may_set(name, value)

    @abc.abstractmethod
    def normals(self, components: DiagonalNormal | None) -> DiagonalNormal:
        """The K normals, parameters (K, prior_dim), given the posteriors of `pseudo_inputs`."""

    def log_weights(self) -> Tensor:
        """The logarithms of the weights w_k, shape (K,)."""
        if self._logits is None:
            return ops.full((self.num_components,), -math.log(self.num_components), "float32")
        return ops.log_softmax(as_float32(ops.convert_to_tensor(self._logits)), axis=-1)

    def log_prob(
        self,
        latent: Tensor,
        components: DiagonalNormal | None = None,
        seed: Any = None,
        training: bool = False,
    ) -> Tensor:
        """logsumexp_k [log w_k + log N(z | mu_k, sigma_k^2)] in nats, shape (n,), for z (n, d).

        Takes memory for (n, K), never for (n, K, d).
        """
        normals = self.normals(components)
        log_densities = _log_densities(latent, normals, self.log_weights())
        return ops.logsumexp(log_densities, axis=-1) + self._correction(
            latent, normals, log_densities
        )

    def _correction(self, latent: Tensor, normals: DiagonalNormal, joint: Tensor) -> Tensor:
        """What the matrix product lacks at the component that has most of the density, (n,).

        Rounding is all that it mends, so no gradient flows through it.
        """
        most, best = largest(ops.stop_gradient(joint))
        mean, log_variance = (
            ops.take(ops.stop_gradient(values), best, axis=0)
            for values in (normals.mean, normals.log_variance)
        )
        exact = DiagonalNormal(mean, log_variance).log_prob(ops.stop_gradient(latent))
        exact = exact + ops.take(ops.stop_gradient(self.log_weights()), best)
        return exact - most

    def sample(
        self, num_samples: int, components: DiagonalNormal | None = None, seed: Any = None
    ) -> Tensor:
        """Draws: a component from its weights, then the normal; (num_samples, prior_dim)."""
        cumulative = ops.cumsum(ops.exp(self.log_weights()))
        uniform = random.uniform((num_samples,), seed) * cumulative[-1]
        index = ops.searchsorted(cumulative, uniform, side="right")
        return self._draw(ops.minimum(index, self.num_components - 1), components, seed)

    def check_component(self, index: Any) -> int:
        """`index` if it is that of a component, 0 ... K - 1.

        Raises:
            ValueError: if it is not.
        """
        whole = isinstance(index, numbers.Integral) and not isinstance(index, bool)
        if not whole or not 0 <= index < self.num_components:
            raise ValueError(
                f"component={index!r}: the prior has {self.num_components} components; expected an "
                f"integer from 0 to {self.num_components - 1}."
            )
        return int(index)

    def sample_component(
        self,
        index: Any,
        num_samples: int,
        components: DiagonalNormal | None = None,
        seed: Any = None,
    ) -> Tensor:
        """Draws of one component, shape (num_samples, prior_dim)."""
        return self._draw(ops.full((num_samples,), index, "int32"), components, seed)

    def _draw(self, index: Tensor, components: DiagonalNormal | None, seed: Any) -> Tensor:
        """One draw from each of the components `index` (n,): shape (n, prior_dim)."""
        normals = self.normals(components)
        chosen = DiagonalNormal(
            ops.take(normals.mean, index, axis=0), ops.take(normals.log_variance, index, axis=0)
        )
        return chosen.sample(seed)

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "weights": self.component_weights,
        }


def _log_densities(latent: Tensor, normals: DiagonalNormal, log_weights: Tensor) -> Tensor:
    """Weighted log-densities (n, K) of z (n, d) under K normals, log w_k added, by products.

    The expanded square cancels where |z - c| is large beside sigma, c being the origin, so the
    origin is moved to where the normals are, those of small variance first. And it is added up
    over some of the dimensions at a time: near a component each such sum is small again, while
    one sum over all dimensions would round what is left at the size of its largest term.
    """
    precision = ops.exp(-normals.log_variance)
    weights = precision / ops.sum(precision, axis=0, keepdims=True)
    center = ops.stop_gradient(ops.sum(weights * normals.mean, axis=0, keepdims=True))
    latent, mean = latent - center, normals.mean - center
    constant = log_weights - 0.5 * ops.sum(normals.log_variance + LOG_TWO_PI, axis=-1)
    total: Any = None
    pending: Tensor | None = constant
    for start in range(0, mean.shape[-1], DIMENSIONS_AT_A_TIME):
        some = slice(start, start + DIMENSIONS_AT_A_TIME)
        squares = _squares(latent[:, some], mean[:, some], precision[:, some], pending)
        total, pending = squares if total is None else total + squares, None
    return total


def _squares(latent: Tensor, mean: Tensor, precision: Tensor, constant: Tensor | None) -> Tensor:
    """-0.5 sums (n, K) over dimensions of precision (z - mean)^2, plus `constant` (K,)."""
    scaled = precision * mean
    offset = -0.5 * ops.sum(scaled * mean, axis=-1)
    return matrix_product(
        ops.concatenate([ops.square(latent), latent], axis=-1),
        ops.transpose(ops.concatenate([-0.5 * precision, scaled], axis=-1)),
        offset if constant is None else offset + constant,
    )
