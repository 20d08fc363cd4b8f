"""The mixture at encoded pseudo-inputs with covariances of its own."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from hiervae.distributions import DiagonalNormal
from hiervae.errors import DataError
from hiervae.options import (
    check_choice,
    check_finite_number,
    check_increasing,
    check_number_between,
    check_positive_number,
)
from hiervae.priors.mixture import Mixture
from hiervae.types import Config, Tensor
from keras import ops
from numpy.typing import NDArray


class VampMixture(Mixture):
    """p(z) = sum_k w_k N(z | mu(u_k), diag(s_k^2)) with learned pseudo-inputs and variances.

    mu(u) is the mean of the posterior q(z | u). As in the VampPrior Mixture Model (Stirn & Knowles
    2024) the covariances are weights of the prior, not the encoder's; see the README for what is
    left out of theirs.

    Args:
        num_components: K.
        weights: "learned" for the softmax of K free logits, or "uniform" for w_k = 1/K.
        covariance: "component" for variances of each component, "shared" for one vector of
            variances.
        initialize: "data" for pseudo-inputs that start at K training examples, drawn at random by
            the first `fit`; "normal" for independent values.
        initial_mean: mean of the values of "normal".
        initial_stddev: their standard deviation; with "data", of the noise on the examples.
        initial_log_variance: log s^2 at the start.
        log_variance_bounds: lowest and highest log s^2.
        **kwargs: `name` and `dtype` of a Keras layer.

    Raises:
        ValueError: if an option is wrong.
    """

    def __init__(
        self,
        num_components: int = 100,
        weights: str = "learned",
        covariance: str = "component",
        initialize: str = "data",
        initial_mean: float = 0.05,
        initial_stddev: float = 0.01,
        initial_log_variance: float = 0.0,
        log_variance_bounds: tuple[float, float] = (-8.0, 4.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(num_components, weights, **kwargs)
        self.covariance = check_choice("covariance", covariance, ("component", "shared"))
        self.initialize = check_choice("initialize", initialize, ("data", "normal"))
        self.initial_mean = check_finite_number("initial_mean", initial_mean)
        self.initial_stddev = check_positive_number("initial_stddev", initial_stddev)
        self.log_variance_bounds = check_increasing("log_variance_bounds", log_variance_bounds)
        self.initial_log_variance = check_number_between(
            "initial_log_variance", initial_log_variance, *self.log_variance_bounds
        )
        # Initialisers, because they take their seeds from the model's when they are made.
        self._start = keras.initializers.RandomNormal(initial_mean, initial_stddev)
        self._noise = keras.initializers.RandomNormal(stddev=initial_stddev)

    @property
    def is_exact(self) -> bool:
        """Whether mu(u_k) does not depend on draws of lower levels."""
        return not self.context.components_are_drawn

    def build(self, input_shape: Any) -> None:
        """Create pseudo-inputs and log-variances."""
        super().build(input_shape)
        self.inputs = self.add_weight(
            shape=(self.num_components, *self.context.event_shape),
            initializer=self._start,
            name="pseudo_inputs",
        )
        rows = self.num_components if self.covariance == "component" else 1
        self.log_variances = self.add_weight(
            shape=(rows, input_shape[-1]),
            initializer=keras.initializers.Constant(self.initial_log_variance),
            autocast=False,
            dtype="float32",
            name="log_variances",
        )

    @property
    def pseudo_inputs(self) -> Tensor:
        """u_k, shape (K, *event_shape), clipped to the range of the likelihood's values."""
        values = ops.cast(ops.convert_to_tensor(self.inputs), "float32")
        low, high = self.context.value_range
        values = values if low is None else ops.maximum(values, low)
        return values if high is None else ops.minimum(values, high)

    @property
    def num_examples_wanted(self) -> int:
        """K where the pseudo-inputs are to start from examples, else 0."""
        return self.num_components if self.initialize == "data" else 0

    def adapt(self, examples: NDArray[Any]) -> None:
        """Let the pseudo-inputs be the first K examples (n, *event_shape), moved a little.

        The noise goes inwards where it would leave the likelihood's range, outside which a
        pseudo-input does not learn.

        Raises:
            DataError: if there are fewer than K, or they are of another shape.
        """
        array = np.asarray(examples, dtype="float32")[: self.num_components]
        wanted = (self.num_components, *self.context.event_shape)
        if array.shape != wanted:
            raise DataError(
                f"VampMixture received examples of shape {np.shape(examples)}; expected {wanted} "
                "or more. Train on more examples, or choose a smaller num_components."
            )
        noise = np.asarray(ops.convert_to_numpy(self._noise(wanted, dtype="float32")))
        low, high = self.context.value_range
        if low is not None:
            noise = np.where(array + noise < low, -noise, noise)
        if high is not None:
            noise = np.where(array + noise > high, -noise, noise)
        self.inputs.assign(array + noise)

    def normals(self, components: DiagonalNormal | None) -> DiagonalNormal:
        """N(mu(u_k), diag(s_k^2)), parameters (K, prior_dim).

        Raises:
            ValueError: if there are no posteriors of pseudo-inputs.
        """
        if components is None:
            raise ValueError(
                "VampMixture received components=None; expected the posteriors of its "
                "pseudo-inputs. Give `pseudo_inputs` to the scheme's `infer`, or take "
                "`encode_components(prior.pseudo_inputs)`."
            )
        log_variances = ops.clip(
            ops.convert_to_tensor(self.log_variances), *self.log_variance_bounds
        )
        return DiagonalNormal(components.mean, ops.zeros_like(components.mean) + log_variances)

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "covariance": self.covariance,
            "initialize": self.initialize,
            "initial_mean": self.initial_mean,
            "initial_stddev": self.initial_stddev,
            "initial_log_variance": self.initial_log_variance,
            "log_variance_bounds": self.log_variance_bounds,
        }
