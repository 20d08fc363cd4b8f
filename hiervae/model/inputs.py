"""Checks of the examples a user passes, before any of them reaches a compiled step."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import keras
import numpy as np

from hiervae.errors import DataError
from hiervae.types import Shape


def as_array(data: Any, name: str = "x") -> np.ndarray[Any, Any] | None:
    """`data` as a NumPy array where it is an array; None for a data set, loader or generator.

    Args:
        data: what the user gave.
        name: how to call it in an error.

    Raises:
        DataError: if it is a dict, several arrays, or no data at all.
    """
    if isinstance(data, np.ma.MaskedArray):
        raise DataError(
            f"{name} is a masked array; expected one with all values. Fill the masked ones in, "
            f"`{name}.filled(value)`, or leave such examples out."
        )
    if isinstance(data, np.ndarray):
        return data
    if keras.ops.is_tensor(data):
        return keras.ops.convert_to_numpy(data)
    if isinstance(data, dict) or (
        isinstance(data, (list, tuple)) and any(hasattr(entry, "shape") for entry in data)
    ):
        raise DataError(
            f"{name} is a {type(data).__name__} of arrays; expected one array of examples, "
            "(n, *event_shape). Pass the array itself."
        )
    if data is None or isinstance(data, (str, bytes, bool, int, float)):
        raise DataError(
            f"{name} is {data!r}; expected an array of examples, (n, *event_shape), or a data set, "
            "loader or generator of such batches."
        )
    if isinstance(data, (list, tuple)) or hasattr(data, "__array__"):
        try:
            return np.asarray(data)
        except ValueError as error:
            raise DataError(
                f"{name} is a {type(data).__name__} that makes no array ({error}); expected "
                "examples of one shape. Give all of them the same number of values."
            ) from error
    return None


def check_array(name: str, array: np.ndarray[Any, Any], event_shape: Shape | None) -> None:
    """Refuse an array that no model can learn from.

    Args:
        name: how to call it in the error.
        array: examples of shape (n, *event_shape).
        event_shape: the model's, where it is built already.

    Raises:
        DataError: if the array is empty, not numeric, not finite or of another shape.
    """
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise DataError(
            f"{name} has the type {array.dtype}; expected real numbers. Convert it with "
            "`.astype('float32')`."
        )
    if array.ndim < 2 or 0 in array.shape:
        raise DataError(
            f"{name} has the shape {array.shape}; expected (n, *event_shape) with at least one "
            "example and one value. For n single numbers use `x[:, None]`."
        )
    if event_shape is not None and array.shape[1:] != event_shape:
        raise DataError(
            f"{name} holds examples of shape {array.shape[1:]}; the model was built for "
            f"{event_shape}. Reshape the data, or build a new model."
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise DataError(
            f"{name} holds {array[index]} at position {index}; expected finite numbers only. "
            "Remove or fill in such values first."
        )
    if array.dtype.kind == "f" and array.dtype.itemsize > 4:
        largest = max(array.max(), -array.min())
        if largest > np.finfo("float32").max:
            raise DataError(
                f"{name} holds values up to {largest:g}; expected numbers that float32 can hold. "
                "Rescale the data."
            )


def check_weights(weights: Any, num_examples: int) -> np.ndarray[Any, Any]:
    """Sample weights (n,) or (n, 1) as float32 (n,); each at least 0, and one of them more.

    Raises:
        DataError: if their shape or values are wrong.
    """
    array = np.asarray(weights)
    if array.shape not in {(num_examples,), (num_examples, 1)} or array.dtype.kind not in "biuf":
        raise DataError(
            f"sample_weight has the shape {array.shape} and the type {array.dtype}; expected "
            f"({num_examples},), one number an example."
        )
    array = array.reshape(-1)
    bad = np.flatnonzero(~np.isfinite(array) | (array < 0))
    if bad.size:
        raise DataError(
            f"sample_weight holds {array[bad[0]]} at position {bad[0]}; expected finite numbers "
            "from 0 on."
        )
    if not array.any():
        raise DataError("sample_weight is 0 for every example; expected a positive one somewhere.")
    return array.astype("float32", copy=False)


def check_probabilities(name: str, array: np.ndarray[Any, Any]) -> None:
    """Refuse values that are no probabilities of a one.

    Raises:
        DataError: if a value lies outside [0, 1].
    """
    if array.min() < 0 or array.max() > 1:
        raise DataError(
            f"{name} has values from {array.min():g} to {array.max():g}; dynamic binarisation "
            "expects probabilities from 0 to 1. Divide 8-bit greys by 255."
        )


def take_examples(data: Any, num: int) -> np.ndarray[Any, Any]:
    """At least `num` examples of a data set, as far as it has them, from its first batches.

    Args:
        data: an array, which is returned whole, or a data set or loader of batches.
        num: how many are wanted.

    Raises:
        DataError: if `data` can be read only once.
    """
    if isinstance(data, np.ndarray):
        return data
    if isinstance(data, keras.utils.PyDataset):
        indices = count() if data.num_batches is None else range(data.num_batches)
        batches: Any = (data[index] for index in indices)
    elif isinstance(data, Iterator):
        raise DataError(
            f"A part of the model takes start values from training examples, and a "
            f"{type(data).__name__} gives them only once; expected an array, or a data set that "
            "can be read again. Call `model.adapt(examples)` first."
        )
    else:
        batches = iter(data)
    taken: list[np.ndarray[Any, Any]] = []
    while sum(map(len, taken)) < num and (batch := next(batches, None)) is not None:
        inputs = keras.utils.unpack_x_y_sample_weight(batch)[0]
        taken.append(keras.ops.convert_to_numpy(inputs))
    if not taken:
        raise DataError("The training data has no batches; expected at least one.")
    return np.concatenate(taken)
