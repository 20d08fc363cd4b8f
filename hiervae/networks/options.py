"""Checks of the options that several networks share."""

from __future__ import annotations

import functools
import inspect
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from hiervae.types import Config, Tensor
from hiervae.utils.pairs import NUM_MAPS
from hiervae.utils.validation import check_bool, check_number_between

HIGHEST_DROPOUT = 0.99

HiddenUnits = tuple[int, ...] | tuple[tuple[int, ...], ...]

LEAKY_RELU: Config = {"name": "leaky_relu", "negative_slope": 0.1}
SMALL_NORMAL: Config = {"name": "random_normal", "stddev": 0.02}


def standardize_hidden_units(hidden_units: Any) -> HiddenUnits:
    """One tuple of layer sizes for all levels, or a tuple of such tuples, one per level.

    Raises:
        ValueError: if a size is not a positive integer or there is no layer.
    """
    if isinstance(hidden_units, Sequence) and hidden_units and all(map(_is_sizes, hidden_units)):
        return tuple(tuple(map(int, level)) for level in hidden_units)
    try:
        return standardize_units("hidden_units", hidden_units)
    except ValueError as error:
        raise ValueError(
            f"{error} A tuple of such tuples, such as ((512, 512), (256, 256)), gives each level "
            "its own."
        ) from None


def standardize_units(name: str, units: Any) -> tuple[int, ...]:
    """One tuple of layer sizes.

    Raises:
        ValueError: if a size is not a positive integer or there is no layer.
    """
    sizes = (units,) if isinstance(units, numbers.Integral) else units
    if not _is_sizes(sizes):
        raise ValueError(
            f"{name}={units!r} is not a list of layer sizes. Expected positive integers, such as "
            "(300, 300)."
        )
    return tuple(map(int, sizes))


def _is_sizes(value: Any) -> bool:
    """Whether a value is a sequence of layer sizes."""
    return isinstance(value, Sequence) and len(value) > 0 and all(map(_is_size, value))


def _is_size(value: Any) -> bool:
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return whole and int(value) > 0


def units_of_level(hidden_units: HiddenUnits, level: int) -> tuple[int, ...]:
    """The layer sizes of `level` (from 1).

    Raises:
        ValueError: if sizes are given per level and there are fewer than `level`.
    """
    if not isinstance(hidden_units[0], tuple):
        return hidden_units
    if level > len(hidden_units):
        raise ValueError(
            f"hidden_units gives sizes for {len(hidden_units)} levels, but level {level} needs "
            f"some too. Received {hidden_units!r}; give one tuple per level, or one for all."
        )
    return hidden_units[level - 1]


def check_layer_options(
    activation: Any, batch_norm: Any, kernel_initializer: Any, dropout: Any
) -> Config:
    """The options that the hidden layers of all networks share, JSON-serialisable.

    Args:
        activation: the name of a Keras activation, or a dict of its name and arguments.
        batch_norm: whether the affine maps are followed by batch normalisation.
        kernel_initializer: the name of a Keras initialiser, or a dict of its name and arguments.
        dropout: the probability with which a feature is dropped in training.

    Raises:
        ValueError: if there is no such activation or initialiser, or not with these arguments; if
            `batch_norm` is no bool, or `dropout` no number from 0 to 0.99.
    """
    activation_function(activation)
    new_initializer(kernel_initializer)
    # Plain dicts of their own, whatever kind of mapping they were given as.
    activation, kernel_initializer = (
        dict(option) if isinstance(option, Mapping) else option
        for option in (activation, kernel_initializer)
    )
    return {
        "activation": activation,
        "batch_norm": check_bool("batch_norm", batch_norm),
        "kernel_initializer": kernel_initializer,
        "dropout": check_number_between("dropout", dropout, 0.0, HIGHEST_DROPOUT),
    }


def activation_function(activation: Any) -> Callable[[Tensor], Tensor]:
    """The function for "tanh", or for {"name": "leaky_relu", "negative_slope": 0.1}.

    Raises:
        ValueError: if there is no such activation, or it does not take the arguments.
    """
    if isinstance(activation, str):
        return _of_keras(keras.activations, "activation", activation, "relu")
    name, arguments = _name_and_arguments("activation", activation, LEAKY_RELU)
    function = _of_keras(keras.activations, "activation", name, "relu")
    try:
        inspect.signature(function).bind(None, **arguments)
    except TypeError as error:
        raise ValueError(
            f"activation={activation!r}: {name} does not take these arguments ({error}). Expected "
            f"those of keras.activations.{name}, such as activation={LEAKY_RELU!r}."
        ) from error
    return functools.partial(function, **arguments)


def new_initializer(kernel_initializer: Any) -> Any:
    """A new initialiser for "he_normal", or for {"name": "random_normal", "stddev": 0.02}.

    Each layer takes one of its own: an initialiser gives the same numbers whenever it is called.

    Raises:
        ValueError: if there is no such initialiser, or it does not take the arguments.
    """
    known = keras.initializers, "kernel_initializer"
    if isinstance(kernel_initializer, str):
        return _of_keras(*known, kernel_initializer, "he_normal")
    name, arguments = _name_and_arguments("kernel_initializer", kernel_initializer, SMALL_NORMAL)
    kind = type(_of_keras(*known, name, "he_normal"))
    try:
        return kind(**arguments)
    except TypeError as error:
        raise ValueError(
            f"kernel_initializer={kernel_initializer!r}: {kind.__name__} does not take these "
            f"arguments ({error}). Expected those of keras.initializers.{kind.__name__}, such as "
            f"kernel_initializer={SMALL_NORMAL!r}."
        ) from error


class PairedInitializer(keras.initializers.Initializer):
    """Starts each of two maps that lie side by side in one weight as a tensor of its own.

    Args:
        initializers: of the two maps.
        axis: along which they lie.
    """

    def __init__(self, initializers: Sequence[Any], axis: int = -1) -> None:
        self.initializers = tuple(map(keras.initializers.get, initializers))
        self.axis = axis

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        """Return the start of a weight of this shape."""
        half = list(shape)
        half[self.axis] //= NUM_MAPS
        starts = [initializer(tuple(half), dtype=dtype) for initializer in self.initializers]
        return keras.ops.concatenate(starts, axis=self.axis)

    def get_config(self) -> Config:
        """Constructor arguments."""
        serialize = keras.initializers.serialize
        return {"initializers": list(map(serialize, self.initializers)), "axis": self.axis}


def _of_keras(module: Any, option: str, name: str, example: str) -> Any:
    """What a module of Keras knows by a name.

    Raises:
        ValueError: if it knows nothing by it.
    """
    try:
        return module.get(name)
    except ValueError:
        raise ValueError(
            f"{option}={name!r}: expected a name that {module.__name__}.get knows, such as "
            f"{option}={example!r}."
        ) from None


def _name_and_arguments(option: str, value: Any, example: Config) -> tuple[str, Config]:
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise ValueError(
            f"{option}={value!r}: expected a name, or a dict of a name and its arguments, such as "
            f"{option}={example!r}."
        )
    return value["name"], {key: entry for key, entry in value.items() if key != "name"}
