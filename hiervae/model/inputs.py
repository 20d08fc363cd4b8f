"""All checks of the arrays a user passes, before any of them reaches a compiled step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiervae.errors import DataError
from hiervae.likelihoods.base import Likelihood
from hiervae.types import Shape
from hiervae.utils.arrays import (
    as_array,
    check_numbers,
    first_position,
    require_array,
    to_float32,
    unpacked,
)
from hiervae.utils.batching import Array
from hiervae.utils.validation import check_number_between

_EXACT = ("bool", "int8", "uint8", "int16", "uint16")
_LARGE = 100.0
_LARGE_INTEGER = 15


@dataclass(frozen=True)
class Expected:
    """What a model takes as examples.

    Attributes:
        event_shape: shape of one example, None where the model is not built yet.
        likelihood: the model's; None asks nothing of the values.
        binarised: whether values are probabilities of a one, to be binarised in each step.
        require_support: whether values must lie in the likelihood's support; False lets all pass
            that lie in its range, such as greys under a likelihood of zeros and ones.
    """

    event_shape: Shape | None
    likelihood: Likelihood | None
    binarised: bool = False
    require_support: bool = True

    def examples(self, name: str, x: Any) -> Array:
        """Return `x` as an array of examples, as `check_array` does.

        Args:
            name: how to call it in an error.
            x: what the user gave; a source of batches is refused.

        Raises:
            DataError: if it is no array of examples the model can take.
        """
        array = check_array(name, require_array(x, name), self.event_shape)
        self.check_values(name, array)
        return array

    def check_values(self, name: str, array: Array) -> None:
        """Refuse values that the model cannot take.

        Raises:
            DataError: if there is one.
        """
        if self.likelihood is None:
            return
        if self.binarised:
            _check_probabilities(name, array)
            return
        check = self.likelihood.check_values
        try:
            if self.require_support:
                check(array)
            else:
                Likelihood.check_values(self.likelihood, array)
        except DataError as error:
            found = str(error)
            raise DataError(f"{name}: {found[:1].lower()}{found[1:]}") from error

    def scale_advice(self, name: str, array: Array) -> str | None:
        """Say how to scale values far above what an unbounded density expects, if they are.

        Args:
            name: how to call them.
            array: examples of shape (n, *event_shape).

        Returns:
            One line, or None where nothing speaks against the scale.
        """
        if self.binarised or self.likelihood is None:
            return None
        if self.likelihood.value_range != (None, None):
            return None
        low, high = float(array.min()), float(array.max())
        whole = array.dtype.kind in "iu" or bool((array == np.floor(array)).all())
        limit = _LARGE_INTEGER if whole and low >= 0 else _LARGE
        if max(high, -low) <= (1.0 if array.dtype == np.uint8 else limit):
            return None
        if low >= 0 and high <= 255:
            mend = "Scale 8-bit greys to 0 ... 1, `x / 255`"
        elif low >= 0 and whole and high <= 65535:
            mend = "Scale 16-bit greys to 0 ... 1, `x / 65535`"
        else:
            mend = "Scale the data"
        return (
            f"{name} has values from {low:g} to {high:g}; the {type(self.likelihood).__name__} "
            f"likelihood has no bounds, and its loss grows with their square. {mend}, or "
            "standardise other data, `(x - x.mean(0)) / x.std(0)`."
        )


def check_array(name: str, array: Array, event_shape: Shape | None) -> Array:
    """Refuse an array that no model can learn from.

    Args:
        name: how to call it in an error.
        array: examples of shape (n, *event_shape).
        event_shape: the model's, where it is built already.

    Returns:
        The values as the model sees them: float32, or a small integer type that holds the same.

    Raises:
        DataError: if the array is empty, not numeric, not finite or of another shape.
    """
    check_numbers(array, name)
    if array.ndim < 2 or 0 in array.shape:
        raise DataError(
            f"{name} has the shape {array.shape}; expected (n, *event_shape) with at least one "
            f"example and one value. For n single numbers use `{name}.reshape(-1, 1)`."
        )
    if event_shape is not None and array.shape[1:] != event_shape:
        raise DataError(
            f"{name} holds examples of shape {array.shape[1:]}; the model was built for "
            f"{event_shape}. Reshape the data, or build a new model."
        )
    return array if array.dtype.name in _EXACT else to_float32(array, name)


def check_weights(name: str, weights: Any, num_examples: int) -> Array:
    """Return sample weights (n,) or (n, 1) as float32 (n,).

    Raises:
        DataError: if their shape is another, one is negative or not finite, or all are 0.
    """
    if np.isscalar(weights):
        raise DataError(
            f"{name} is {weights!r}; expected ({num_examples},), one number for each example."
        )
    array = require_array(weights, name)
    if array.shape not in {(num_examples,), (num_examples, 1)}:
        raise DataError(
            f"{name} has the shape {array.shape} and the type {array.dtype}; expected "
            f"({num_examples},), one number for each example."
        )
    values = to_float32(array, name).reshape(-1)
    negative = values < 0
    if negative.any():
        (index,) = first_position(negative)
        raise DataError(
            f"{name} holds {values[index]} at position {index}; expected finite numbers from 0 on."
        )
    if not values.any():
        raise DataError(f"{name} is 0 for every example; expected a positive one somewhere.")
    return values


def _check_probabilities(name: str, array: Array) -> None:
    """Refuse values that are no probabilities of a one.

    Raises:
        DataError: if a value lies outside [0, 1].
    """
    low, high = array.min(), array.max()
    if low < 0 or high > 1:
        index = first_position((array < 0) | (array > 1))
        raise DataError(
            f"{name} holds {array[index]} at position {index}, and values from {low:g} to "
            f"{high:g}; dynamic binarisation expects probabilities from 0 to 1. Divide 8-bit "
            "greys by 255."
        )


def validation_parts(data: Any) -> tuple[Any, Any, Any]:
    """Return examples, targets and sample weights of a `validation_data` that Keras would take.

    Raises:
        DataError: if it is a dict, or a tuple of another length.
    """
    return unpacked(data, "validation_data")


def training_share(
    x: Array, weights: Array | None, validation_split: float, expected: Expected
) -> Array:
    """Return the examples that Keras leaves to train on; check the others as validation data.

    Raises:
        ValueError: if `validation_split` is not a number from 0 to 1.
        DataError: if one side of the split is empty or has no positive weight, or validation data
            lies out of the support.
    """
    check_number_between("validation_split", validation_split, 0.0, 1.0)
    if not validation_split:
        return x
    num_training = math.floor(len(x) * (1.0 - validation_split))
    if not 0 < num_training < len(x):
        raise DataError(
            f"validation_split={validation_split} leaves {num_training} of {len(x)} examples "
            "to train on; expected at least one there and one to validate on."
        )
    expected.check_values(f"The validation part of x, `x[{num_training}:]`", x[num_training:])
    if weights is not None:
        check_weights(f"sample_weight[:{num_training}]", weights[:num_training], num_training)
        validated = weights[num_training:]
        check_weights(f"sample_weight[{num_training}:]", validated, len(validated))
    return x[:num_training]


def checked_latent(name: str, latent: Any, shape: Shape) -> Array:
    """`latent` as a float32 array of shape (n, *shape).

    Raises:
        DataError: if it is none.
    """
    array = as_array(latent, name)
    if array is None or array.ndim == 0 or array.shape[1:] != shape or not len(array):
        received = None if array is None else array.shape
        wanted = ", ".join(map(str, shape))
        raise DataError(f"{name} has the shape {received}; expected (n, {wanted}) with n >= 1.")
    check_array(name, array, None)
    return array.astype("float32", copy=False)


def checked_latents(name: str, latents: Sequence[Any], shapes: Sequence[Shape]) -> list[Array]:
    """One float32 array (n, *shape) for each of the shapes, with the same number of rows.

    Raises:
        DataError: if an array is of another shape, or they have different numbers of rows.
    """
    arrays = [
        checked_latent(f"{name}[{index}]", latent, shape)
        for index, (latent, shape) in enumerate(zip(latents, shapes, strict=True))
    ]
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        raise DataError(
            f"{name} holds arrays of {', '.join(map(str, lengths))} rows; expected as many rows "
            "for each level."
        )
    return arrays
