"""A distribution of TensorFlow Probability as a likelihood."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from hiervae.errors import DataError
from hiervae.likelihoods import Likelihood
from hiervae.types import Config, Tensor
from keras import ops

from hiervae_tfp import shorthands
from hiervae_tfp.grammar import Rules, parse_distribution
from hiervae_tfp.library import seed_words, tensorflow
from hiervae_tfp.nodes import Scope, output_sizes, split_outputs
from hiervae_tfp.prior import KERAS_OPTIONS
from hiervae_tfp.recipes import named_config
from hiervae_tfp.supports import Support, given_support, support_of


class TFPLikelihood(Likelihood):
    """p(x | z) is a distribution of TensorFlow Probability; the decoder predicts parameters of it.

    An affine map of the features gives the parameters {"output": shape} of each value; everything
    after it is float32. The parameters that the methods take are these numbers before their
    constraints.

    The reconstruction error is -log p(x | z) where x is discrete; log p(m | z) - log p(x | z), m
    the mode, where x is any number and the mode is known; and the squared distance from the mean
    elsewhere.

    Args:
        distribution: what it is: a shorthand such as "negative_binomial"; the name of a class in
            `tfp.distributions`; or a config {"tfd": name, ...}.
        support: where x has a density, {"low": number or null, "high": number or null, "step":
            distance of two values or null}; None where the distribution's name tells.
        **kwargs: options of the shorthand, or arguments of the class, in JSON's types; and `name`,
            `dtype` and `trainable` of a Keras layer.

    Raises:
        ValueError: if Keras runs on another backend than TensorFlow, or the config is wrong.
    """

    def __init__(self, distribution: Any, support: Any = None, **kwargs: Any) -> None:
        super().__init__(**{key: kwargs.pop(key) for key in KERAS_OPTIONS if key in kwargs})
        options = {"distribution": distribution, "support": support, **kwargs}
        self._config = _Config(options)

    @property
    def _support(self) -> Support:
        return self._config.support

    @property
    def value_range(self) -> tuple[float | None, float | None]:
        """Lowest and highest value."""
        return (self._support.low, self._support.high)

    def build(self, input_shape: Any) -> None:
        """Create the weights for features (n, ...).

        Raises:
            ValueError: if the distribution is none of examples of the model's shape.
        """
        shape = self.context.event_shape
        scope, node = Scope(self, event_shape=shape), self._config.node
        with tensorflow().init_scope():
            node.build(scope)
            self._num_outputs = sum(output_sizes(node, scope).values())
            self._config.scope = scope
            self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
            self.head = keras.layers.Dense(
                self._num_outputs * math.prod(shape),
                # A tenth of Glorot's variance, so that parameters begin near their initial values.
                kernel_initializer=keras.initializers.VarianceScaling(0.1, "fan_avg", "uniform"),
                dtype=self.dtype_policy,
            )
            self.head.build((None, math.prod(input_shape[1:])))
            distribution = self.to_tfp(ops.zeros((1, *shape, self._num_outputs)))
            self._check_shape(distribution, shape)

    def _check_shape(self, distribution: Any, shape: tuple[int, ...]) -> None:
        parts = (distribution.batch_shape_tensor(), distribution.event_shape_tensor())
        found = [int(size) for part in parts for size in ops.convert_to_numpy(part)]
        if found != [1, *shape]:
            raise ValueError(
                f"The likelihood's tfd.{type(distribution).__name__.lstrip('_')} has the shape "
                f"{found} for one example; expected {[1, *shape]}. Let outputs be "
                "of the shape of one value's parameter."
            )

    def call(self, features: Tensor, training: bool = False) -> Tensor:
        """The parameters before their constraints, (n, *event_shape, outputs of a value)."""
        outputs = ops.cast(self.head(self.flatten(features)), "float32")
        return ops.reshape(outputs, (-1, *self.context.event_shape, self._num_outputs))

    def to_tfp(self, parameters: Tensor) -> Any:
        """Return p(x | z), or that of x / step where the support has steps, a tfd object."""
        node, scope = self._config.node, self._config.scope
        outputs = split_outputs(node, scope, parameters)
        return node.value(replace(scope, outputs=outputs))

    def _log_prob(self, distribution: Any, value: Tensor) -> Tensor:
        """Log-density of values of the support, summed over the event."""
        value = ops.cast(self._support.to_distribution(value), _dtype_of(distribution))
        return _sum_event(distribution.log_prob(value))

    def log_prob(self, value: Tensor, parameters: Tensor) -> Tensor:
        """Log-density in nats, shape (n,); minus infinity outside the support."""
        value = ops.cast(value, "float32")
        inside = self._support.contains(value)
        known = ops.where(inside, value, self._support.inner_value)
        total = self._log_prob(self.to_tfp(parameters), known)
        axes = tuple(range(1, len(value.shape)))
        return ops.where(ops.all(inside, axis=axes), total, -math.inf)

    def mean(self, parameters: Tensor) -> Tensor:
        """The mean of x, shape (n, *event_shape).

        A distribution without a mean, of finitely many values, has it from their probabilities.

        Raises:
            ValueError: if there are infinitely many.
        """
        distribution = self.to_tfp(parameters)
        try:
            return self._support.from_distribution(distribution.mean())
        except NotImplementedError as error:
            number = self._support.num_levels
            if number is None:
                raise ValueError(
                    "The likelihood's distribution has no mean in TensorFlow Probability; expected "
                    "one that has, or finitely many values."
                ) from error
        dtype = _dtype_of(distribution)
        low = round((self._support.low or 0.0) / (self._support.step or 1.0))

        def add(index: Tensor, total: Tensor) -> Tensor:
            level = ops.cast(index + low, "float32")
            levels = ops.cast(level + ops.zeros_like(total), dtype)
            return total + level * ops.exp(distribution.log_prob(levels))

        zeros = ops.zeros_like(parameters[..., 0])
        return self._support.from_distribution(ops.fori_loop(0, number, add, zeros))

    def sample(self, parameters: Tensor, seed: Any = None) -> Tensor:
        """A draw of x, shape (n, *event_shape), float32."""
        draws = self.to_tfp(parameters).sample(seed=seed_words(seed))
        return self._support.from_distribution(draws)

    def reconstruction_error(self, value: Tensor, parameters: Tensor) -> Tensor:
        """See the class; shape (n,)."""
        if self._support.step is not None:
            return -self.log_prob(value, parameters)
        distribution = self.to_tfp(parameters)
        value = ops.cast(value, "float32")
        if self._support == Support():
            try:
                mode = distribution.mode()
                return self._log_prob(distribution, mode) - self._log_prob(distribution, value)
            except NotImplementedError:
                pass
        return _sum_event(ops.square(value - self.mean(parameters)))

    def check_values(self, values: np.ndarray[Any, Any]) -> None:
        """Refuse values without a density.

        Raises:
            DataError: if there is such a value.
        """
        super().check_values(values)
        # The density sees float32, where a value near an end may be that end.
        wrong = ~self._support.contains(values.astype("float32"))
        if wrong.any():
            position = tuple(int(each) for each in np.argwhere(wrong)[0])
            remedy = "Move them away from the ends" if self._support.is_open else "Give it raw data"
            raise DataError(
                f"The data holds {values[position]} at position {position}; the likelihood's "
                f"distribution expects values {self._support.description}. {remedy}, or say where "
                "it lives by the option 'support'."
            )

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {**super().get_config(), **self._config.options}


class _Config:
    """The options, the tree that they stand for and, once built, what the tree is given."""

    scope: Scope

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = dict(options)
        arguments = dict(options)
        distribution, support = arguments.pop("distribution"), arguments.pop("support")
        known = shorthands.LIKELIHOODS
        name = distribution if isinstance(distribution, str) else ""
        if name in known:
            config = shorthands.expand(known[name], arguments)
        else:
            config = named_config(distribution, arguments, known)
        rules = Rules(sizes=("event",), outputs=True, networks=False)
        self.node = parse_distribution(config, "likelihood", rules)
        if not output_sizes(self.node, Scope(None)):
            raise ValueError(
                'distribution: expected one or more {"output": shape} in its arguments, which the '
                "decoder predicts."
            )
        self.support = support_of(self.node) if support is None else given_support(support)
        if support is None and name in shorthands.ON_UNIT_INTERVAL:
            self.support = Support(0.0, 1.0, 1.0 / float(self.support.high or 1.0))


def _dtype_of(distribution: Any) -> str:
    return str(keras.backend.standardize_dtype(distribution.dtype))


def _sum_event(values: Tensor) -> Tensor:
    axes = tuple(range(1, len(values.shape)))
    return ops.sum(values, axis=axes) if axes else values
