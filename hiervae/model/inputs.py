"""All checks of the arrays a user passes, before any of them reaches a compiled step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import keras
import numpy as np

from hiervae.errors import DataError
from hiervae.likelihoods.base import Likelihood
from hiervae.types import Shape
from hiervae.utils.batching import Array
from hiervae.utils.validation import check_number_between


def as_array(data: Any, name: str = "x") -> Array | None:
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


def is_array(data: Any, name: str = "x") -> bool:
    """Whether `data` is an array, and not a data set, loader or generator.

    Raises:
        DataError: if it is neither.
    """
    return as_array(data, name) is not None


def check_array(name: str, array: Array, event_shape: Shape | None) -> None:
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


def check_weights(weights: Any, num_examples: int) -> Array:
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


def check_probabilities(name: str, array: Array) -> None:
    """Refuse values that are no probabilities of a one.

    Raises:
        DataError: if a value lies outside [0, 1].
    """
    if array.min() < 0 or array.max() > 1:
        raise DataError(
            f"{name} has values from {array.min():g} to {array.max():g}; dynamic binarisation "
            "expects probabilities from 0 to 1. Divide 8-bit greys by 255."
        )


def take_examples(data: Any, num: int) -> Array:
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
            f"A part of the model is initialised from training examples, and a "
            f"{type(data).__name__} gives them only once; expected an array, or a data set that "
            "can be read again. Call `model.adapt(examples)` first."
        )
    else:
        batches = iter(data)
    taken: list[Array] = []
    while sum(map(len, taken)) < num and (batch := next(batches, None)) is not None:
        inputs = keras.utils.unpack_x_y_sample_weight(batch)[0]
        taken.append(keras.ops.convert_to_numpy(inputs))
    if not taken:
        raise DataError("The training data has no batches; expected at least one.")
    return np.concatenate(taken)


def checked_examples(
    name: str,
    x: Any,
    event_shape: Shape | None,
    likelihood: Likelihood,
    require_support: bool = True,
) -> Array:
    """`x` as an array of examples, in the type it has.

    Args:
        name: how to call it in an error.
        x: what the user gave.
        event_shape: the model's, where it is built already.
        likelihood: the model's.
        require_support: whether values must lie in the likelihood's support; False lets all pass
            that lie in its range, such as greys under a likelihood of zeros and ones.

    Raises:
        DataError: if it is no array of examples the model can take.
    """
    array = as_array(x, name)
    if array is None:
        raise DataError(
            f"{name} is a {type(x).__name__}; expected an array of shape (n, *event_shape)."
        )
    check_array(name, array, event_shape)
    if require_support:
        likelihood.check_values(array)
    else:
        Likelihood.check_values(likelihood, array)
    return array


def checked_data(
    name: str,
    x: Any,
    y: Any,
    sample_weight: Any,
    event_shape: Shape | None,
    likelihood: Likelihood,
    binarised: bool = False,
) -> tuple[Any, Any, Any]:
    """Examples, targets and sample weights for Keras; all but arrays pass as they are.

    Keras drops sample weights where there are no targets, so these are made up.

    Args:
        name: how to call the examples in an error.
        x: an array of examples (n, *event_shape), or a data set, loader or generator.
        y: targets, which the model ignores.
        sample_weight: (n,) or (n, 1), or None.
        event_shape: the model's, where it is built already.
        likelihood: the model's.
        binarised: whether values are probabilities of a one, to be binarised in each step.

    Raises:
        DataError: if an array is empty, not finite, or of the wrong shape or range.
    """
    array = as_array(x, name)
    if array is None:
        return x, y, sample_weight
    check_array(name, array, event_shape)
    if binarised:
        check_probabilities(name, array)
    else:
        likelihood.check_values(array)
    if sample_weight is not None:
        sample_weight = check_weights(sample_weight, len(array))
        y = np.zeros(len(array), dtype="uint8") if y is None else y
    return array, y, sample_weight


def checked_validation_data(data: Any, event_shape: Shape | None, likelihood: Likelihood) -> Any:
    """`validation_data` of a `fit` for Keras: an array, a tuple with weights, or a data set.

    Raises:
        DataError: if an array is empty, not finite, or of the wrong shape or range.
    """
    x, y, weights = data, None, None
    if isinstance(data, (list, tuple)):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(tuple(data))
    checked = checked_data("validation_data", x, y, weights, event_shape, likelihood)
    return keras.utils.pack_x_y_sample_weight(*checked)


def training_share(x: Array, validation_split: float, likelihood: Likelihood) -> Array:
    """The examples that Keras leaves to train on; the others are checked as validation data.

    Raises:
        ValueError: if `validation_split` is not a number from 0 to 1.
        DataError: if one side of the split is empty, or validation data lies out of the support.
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
    likelihood.check_values(x[num_training:])
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
