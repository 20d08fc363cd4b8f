"""How a prior makes its distribution: from a config, or by a function."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any

import keras
from hiervae.types import Config
from keras import ops

from hiervae_tfp import shorthands
from hiervae_tfp.grammar import Rules, parse_distribution
from hiervae_tfp.library import probability, tensorflow
from hiervae_tfp.nodes import Scope
from hiervae_tfp.weights import weights_of


class Recipe(abc.ABC):
    """What makes the distribution of a latent vector.

    Attributes:
        config: the options that stand for it, in JSON's types.
    """

    config: Config

    @abc.abstractmethod
    def build(self, layer: Any, size: int) -> list[Any]:
        """Create the weights in a layer, and return the layers that have more of them."""

    @abc.abstractmethod
    def distribution(self) -> Any:
        """The distribution with the weights as they are now."""


class ConfigRecipe(Recipe):
    """A distribution made anew at each use, from a config or a shorthand.

    Nothing of TensorFlow Probability is kept, so that none of its caches is.
    """

    def __init__(self, distribution: Any, options: Mapping[str, Any]) -> None:
        self.config = {"distribution": distribution, **options}
        self._maker = shorthands.PRIORS.get(distribution) if _is_name(distribution) else None
        self._node_of(2)  # so that a wrong config is refused before there is a model

    def _node_of(self, size: int) -> Any:
        distribution, options = self.config["distribution"], dict(self.config)
        del options["distribution"]
        if self._maker is not None:
            config: Any = shorthands.expand(self._maker, options, size)
        else:
            config = named_config(distribution, options, shorthands.PRIORS)
        rules = Rules(sizes=("size",), outputs=False, networks=True)
        return parse_distribution(config, "prior", rules)

    def build(self, layer: Any, size: int) -> list[Any]:
        """See the base class."""
        self._node = self._node_of(size)
        self._scope = Scope(layer, size=size)
        with tensorflow().init_scope():
            self._node.build(self._scope)
            check_vectors(self.distribution(), size)
        return list(self._scope.networks.values())

    def distribution(self) -> Any:
        """See the base class."""
        return self._node.value(self._scope)


class FunctionRecipe(Recipe):
    """A distribution that a function makes once, together with its variables."""

    def __init__(self, function: Callable[..., Any], options: Mapping[str, Any]) -> None:
        probability()
        name = keras.saving.get_registered_name(function)
        if keras.saving.get_registered_object(name) is not function:
            raise ValueError(
                f"distribution={name}: expected a function that Keras can find by name when a "
                "model is loaded; put @keras.saving.register_keras_serializable() before it."
            )
        self._function, self._options = function, dict(options)
        self.config = {"distribution": {"function": name}, **options}

    def build(self, layer: Any, size: int) -> list[Any]:
        """See the base class.

        Raises:
            ValueError: if the function returns no distribution of vectors.
        """
        tf = tensorflow()
        with tf.init_scope(), weights_of(layer):
            found = self._function(size, **self._options)
            if not isinstance(found, probability().distributions.Distribution):
                raise ValueError(
                    f"The function returned {type(found).__name__}; expected a distribution of "
                    "TensorFlow Probability."
                )
            self._distribution = found
            check_vectors(found, size)  # layers of tf_keras make their variables when called
        return []

    def distribution(self) -> Any:
        """See the base class."""
        return self._distribution


def recipe_of(distribution: Any, options: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a prior.

    Args:
        distribution: a shorthand; the name of a class of `tfd`; a config {"tfd": name, ...}; a
            function; or {"function": name} of one that Keras knows.
        options: of the shorthand or function, or arguments of the class.

    Raises:
        ValueError: if it is none of these.
    """
    if isinstance(distribution, Mapping) and set(distribution) == {"function"}:
        name = distribution["function"]
        distribution = keras.saving.get_registered_object(name) if _is_name(name) else None
        if distribution is None:
            raise ValueError(
                f"distribution.function={name!r}: expected the name of a function that Keras "
                "knows; import the module that registers it by "
                "@keras.saving.register_keras_serializable() first."
            )
    if callable(distribution):
        return FunctionRecipe(distribution, options)
    return ConfigRecipe(distribution, options)


def named_config(distribution: Any, options: Mapping[str, Any], known: Mapping[str, Any]) -> Config:
    """Return the config of a distribution that is given by a name and arguments, or as a config.

    Raises:
        ValueError: if it is neither.
    """
    if _is_name(distribution):
        return {"tfd": distribution, **options}
    if not isinstance(distribution, Mapping):
        raise ValueError(
            f"distribution={distribution!r}: expected one of {', '.join(map(repr, known))}, the "
            'name of a class in tfp.distributions, or a config {"tfd": name, ...}.'
        )
    for name, value in options.items():
        raise ValueError(
            f"{name}={value!r}: expected no options beside a config; write {name!r} into it."
        )
    return dict(distribution)


def check_vectors(distribution: Any, size: int) -> None:
    """Refuse what is no distribution of vectors, or has no density or draws.

    Raises:
        ValueError: if it is so.
    """
    # The tensors, since an autoregressive distribution does not tell its shapes otherwise.
    found = (distribution.batch_shape_tensor(), distribution.event_shape_tensor())
    shapes = [ops.convert_to_numpy(shape).tolist() for shape in found]
    name = type(distribution).__name__.lstrip("_")
    if shapes != [[], [size]]:
        raise ValueError(
            f"The prior's tfd.{name} has batch shape {shapes[0]} and event shape {shapes[1]}; "
            f"expected [] and [{size}], the latent vector. Independent and Sample make vectors of "
            "several values."
        )
    try:
        distribution.log_prob(ops.zeros((1, size)))
        distribution.sample(1, seed=ops.zeros((2,), dtype="int32"))
    except NotImplementedError as error:
        raise ValueError(
            f"The prior's tfd.{name} cannot be used: expected one with log_prob and sample, but "
            f"{error}."
        ) from error


def _is_name(value: Any) -> bool:
    return isinstance(value, str)
