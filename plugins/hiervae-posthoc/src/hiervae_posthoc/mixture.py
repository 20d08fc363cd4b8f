"""A mixture of normals with full covariances, fitted to latents by scikit-learn."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from hiervae import random
from hiervae.distributions import DiagonalNormal
from hiervae.options import check_choice, check_positive_int, check_positive_number
from hiervae.priors import Prior
from hiervae.types import Config, Tensor
from keras import ops
from numpy.typing import NDArray

COVARIANCES = ("full", "diag")
LOG_TWO_PI = math.log(2.0 * math.pi)


class PostHocMixture(Prior):
    """p(z) = sum_k w_k N(z | mu_k, Sigma_k), fitted to encoded examples by `fit_latents`.

    Nothing of it is trained with the model. Until it is fitted it is N(0, I), so that a model may
    as well be trained with it, as with the standard normal, and then have it fitted in place.

    Args:
        num_components: K.
        covariance: "full", or "diag" for diagonal matrices.
        regularisation: added to the diagonals of the covariances when they are fitted.
        **kwargs: `name`, `dtype` and `trainable` of a Keras layer.

    Raises:
        ValueError: if an option is wrong.
    """

    def __init__(
        self,
        num_components: int = 50,
        covariance: str = "full",
        regularisation: float = 1e-4,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_components = check_positive_int("num_components", num_components)
        self.covariance = check_choice("covariance", covariance, COVARIANCES)
        self.regularisation = check_positive_number("regularisation", regularisation)

    @property
    def is_exact(self) -> bool:
        """True."""
        return True

    def build(self, input_shape: Any) -> None:
        """Create what `fit_latents` finds, at N(0, I), for z of shape (n, prior_dim)."""
        size = int(input_shape[-1])
        number = self.num_components
        identity = np.broadcast_to(np.eye(size, dtype="float32"), (number, size, size))
        self.log_weights = self._fixed(np.full(number, -math.log(number)), "log_weights")
        self.means = self._fixed(np.zeros((number, size)), "means")
        self.factors = self._fixed(identity, "factors")
        self.inverse_factors = self._fixed(identity, "inverse_factors")

    def _fixed(self, values: Any, name: str) -> Any:
        return self.add_weight(
            shape=values.shape,
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(values, dtype="float32"),
            trainable=False,
            autocast=False,
            dtype="float32",
            name=name,
        )

    def fit_latents(self, latents: Any, seed: int = 0) -> None:
        """Fit the mixture to latents (n, prior_dim) by expectation maximisation.

        Args:
            latents: n >= K of them.
            seed: of the initial components, by k-means.

        Raises:
            ValueError: if there are fewer latents than components, or they are of another shape.
        """
        from sklearn.mixture import GaussianMixture

        values = np.asarray(latents, dtype="float64")
        size = self.means.shape[-1]
        if values.ndim != 2 or values.shape[1] != size or len(values) < self.num_components:
            raise ValueError(
                f"Received latents of shape {values.shape}; expected (n, {size}) with n >= "
                f"{self.num_components}, the number of components. Give more examples, or choose a "
                "smaller num_components."
            )
        fitted = GaussianMixture(
            self.num_components,
            covariance_type=self.covariance,
            reg_covar=self.regularisation,
            random_state=seed,
        ).fit(values)
        covariances = fitted.covariances_
        if self.covariance == "diag":
            covariances = np.stack([np.diag(variances) for variances in covariances])
        self.assign_mixture(fitted.weights_, fitted.means_, covariances)

    def assign_mixture(
        self, weights: NDArray[Any], means: NDArray[Any], covariances: NDArray[Any]
    ) -> None:
        """Take weights (K,), means (K, prior_dim) and covariances (K, prior_dim, prior_dim)."""
        factors = np.linalg.cholesky(np.asarray(covariances, dtype="float64"))
        self.log_weights.assign(np.log(np.maximum(weights, 1e-30)))
        self.means.assign(means)
        self.factors.assign(factors)
        self.inverse_factors.assign(np.linalg.inv(factors))

    def log_prob(
        self,
        latent: Tensor,
        components: DiagonalNormal | None = None,
        seed: Any = None,
        training: bool = False,
    ) -> Tensor:
        """Log-density in nats, shape (n,), for z of shape (n, prior_dim)."""
        inverse = ops.convert_to_tensor(self.inverse_factors)
        centered = ops.cast(latent, "float32")[:, None] - ops.convert_to_tensor(self.means)
        standardized = ops.einsum("nke,kde->nkd", centered, inverse)
        log_dets = ops.sum(ops.log(ops.diagonal(inverse, axis1=-2, axis2=-1)), axis=-1)
        terms = -0.5 * ops.sum(ops.square(standardized) + LOG_TWO_PI, axis=-1) + log_dets
        return ops.logsumexp(terms + ops.convert_to_tensor(self.log_weights), axis=-1)

    def sample(
        self, num_samples: int, components: DiagonalNormal | None = None, seed: Any = None
    ) -> Tensor:
        """Draws: a component from its weights, then the normal; (num_samples, prior_dim)."""
        cumulative = ops.cumsum(ops.exp(ops.convert_to_tensor(self.log_weights)))
        uniform = random.uniform((num_samples,), seed) * cumulative[-1]
        index = ops.searchsorted(cumulative, uniform, side="right")
        return self._draw(ops.minimum(index, self.num_components - 1), seed)

    def check_component(self, index: Any) -> int:
        """`index` if it is that of a component, 0 ... K - 1.

        Raises:
            ValueError: if it is not.
        """
        whole = isinstance(index, numbers.Integral) and not isinstance(index, bool)
        if not whole or not 0 <= index < self.num_components:
            raise ValueError(
                f"component={index!r}: expected an integer from 0 to {self.num_components - 1}."
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
        return self._draw(ops.full((num_samples,), index, "int32"), seed)

    def _draw(self, index: Tensor, seed: Any) -> Tensor:
        mean = ops.take(ops.convert_to_tensor(self.means), index, axis=0)
        factor = ops.take(ops.convert_to_tensor(self.factors), index, axis=0)
        return mean + ops.einsum("nde,ne->nd", factor, random.normal(ops.shape(mean), seed))

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "covariance": self.covariance,
            "regularisation": self.regularisation,
        }
