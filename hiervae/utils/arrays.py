"""The arrays that users hand in, whatever library they come from, as NumPy arrays of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.errors import DataError

_NUMBERS = "biuf"
_SPARSE = {
    "SparseTensor": "tf.sparse.to_dense({0})",
    "IndexedSlices": "tf.convert_to_tensor({0})",
    "BCOO": "{0}.todense()",
    "BCSR": "{0}.todense()",
}


def as_array(data: Any, name: str) -> NDArray[Any] | None:
    """Return an array of what a user gave, or None where it is no array but a source of batches.

    NumPy arrays, tensors of every backend (also on a device, or with gradients), lists and tuples
    of numbers, and pandas' DataFrame and Series are taken; rows are taken in their order, whatever
    index a table has. Numbers in a table or list of objects are taken too.

    Args:
        data: what the user gave.
        name: how to call it in an error.

    Returns:
        A NumPy array of any type, or None for a generator, data set, loader or `PyDataset`.

    Raises:
        DataError: if it is masked, sparse, ragged, a dict, several arrays, or no data at all.
    """
    check_layout(data, name)
    if isinstance(data, np.ndarray):
        return _plain(np.asarray(data))
    if data is None or isinstance(data, (str, bytes, bool, int, float, complex)):
        raise DataError(
            f"{name} is {data!r}; expected an array of examples, (n, *event_shape), or a data set, "
            "loader or generator of such batches."
        )
    if isinstance(data, (dict, set, frozenset)):
        raise DataError(
            f"{name} is a {type(data).__name__}; expected one array of examples, "
            "(n, *event_shape). Pass the array itself."
        )
    if isinstance(data, (list, tuple, range)):
        return _from_sequence(data, name)
    if hasattr(data, "detach"):  # a tensor of torch, which may have gradients or lie on a device
        return _from_torch(data)
    if hasattr(data, "__array__"):
        return _plain(_converted(data, name))
    return None


def require_array(data: Any, name: str) -> NDArray[Any]:
    """Return an array of what a user gave; a source of batches is refused.

    Args:
        data: what the user gave; see `as_array`.
        name: how to call it in an error.

    Raises:
        DataError: as for `as_array`, or if `data` is a generator, data set or loader.
    """
    array = as_array(data, name)
    if array is None:
        raise DataError(
            f"{name} is a {type(data).__name__}; expected one array of examples, "
            "(n, *event_shape), such as a NumPy array or a tensor."
        )
    return array


def check_numbers(array: NDArray[Any], name: str) -> None:
    """Refuse an array whose values are no real numbers.

    Args:
        array: any array.
        name: how to call it in an error.

    Raises:
        DataError: if they are complex, text, dates or objects, or wider than float64.
    """
    if array.dtype.kind in _NUMBERS and array.dtype.itemsize <= 8:
        return
    if array.dtype.kind == "c":
        advice = f"Give real and imaginary parts as values of their own, `{name}.real` and `.imag`"
    elif array.dtype.kind == "O" and array.size:
        first = next(
            (v for v in array.flat if not isinstance(v, (bool, int, float, np.number))), None
        )
        kind = "missing values" if first is None else f"a {type(first).__name__}, {first!r:.40}"
        advice = f"It holds {kind}. Leave such values out or replace them by numbers"
    elif array.dtype.kind in "US":
        shown = array.flat[0] if array.size else ""
        advice = f"It holds text, such as {shown!r:.40}. Replace it by numbers"
    else:
        advice = "Convert it with `.astype('float32')`"
    raise DataError(f"{name} has the type {array.dtype}; expected real numbers. {advice}.")


def real_array(data: Any, name: str) -> NDArray[np.float64]:
    """Return numbers that a user gave, of any shape; NaN and infinity are left to the caller.

    Args:
        data: a number, an array or tensor, or lists of numbers or arrays.
        name: how to call it in an error.

    Raises:
        DataError: if it holds anything else.
    """
    array = array_of_values(data, name)
    check_numbers(array, name)
    return array.astype(np.float64)


def labels_or_numbers(data: Any, name: str) -> NDArray[Any]:
    """Return what a user knows of examples: text, as an array of strings, or real numbers.

    Args:
        data: as of `real_array`, or text in place of numbers.
        name: how to call it in an error.

    Raises:
        DataError: if it holds anything else, or both.
    """
    array = array_of_values(data, name)
    if array.dtype.kind == "O" and any(isinstance(value, str) for value in array.flat):
        other = next((value for value in array.flat if not isinstance(value, str)), "")
        if other != "":
            raise DataError(
                f"{name} holds text beside {other!r}; expected text alone, or numbers alone. Leave "
                "such examples out, or give them a name too."
            )
        array = array.astype(str)
    if array.dtype.kind not in "US":
        check_numbers(array, name)
    return array


def array_of_values(data: Any, name: str) -> NDArray[Any]:
    """Return a number, an array or tensor, or lists of them, as an array of any type and shape.

    Raises:
        DataError: as for `require_array`.
    """
    if not (np.isscalar(data) or isinstance(data, (list, tuple))):
        return require_array(data, name)
    return _plain(_converted(data, name))


def to_float32(array: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Return the values as the model sees them; ranges have to be judged of these.

    Args:
        array: real numbers.
        name: how to call it in an error.

    Returns:
        float32, of the same shape, contiguous.

    Raises:
        DataError: if a value is not finite, or beyond what float32 can hold.
    """
    check_numbers(array, name)
    with np.errstate(over="ignore"):
        values: NDArray[np.float32] = np.ascontiguousarray(array, dtype=np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        index = first_position(~finite)
        if np.isfinite(array[index]):
            raise DataError(
                f"{name} holds {array[index]:g} at position {index}, beyond float32; expected "
                "numbers that float32 can hold. Rescale the data."
            )
        raise DataError(
            f"{name} holds {array[index]} at position {index}; expected finite numbers only, not "
            "NaN or infinity. Remove or fill in such values first."
        )
    return values


def first_position(found: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the index of the first true value of an array that has one."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(found)), found.shape))


def unpacked(data: Any, name: str) -> tuple[Any, Any, Any]:
    """Return inputs, targets and sample weights of a batch or of validation data.

    As Keras reads them: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`, also as a list; a list
    of rows of numbers is `x`.

    Args:
        data: what the user gave.
        name: how to call it in an error.

    Returns:
        The three; None for what is not there.

    Raises:
        DataError: if it is a dict, or a tuple of another length.
    """
    if isinstance(data, dict):
        raise DataError(
            f"{name} is a dict with the keys {', '.join(map(repr, data))}; expected one array of "
            "examples, (n, *event_shape), alone or as (x,), (x, y) or (x, y, sample_weight). Give "
            f"the array itself, such as `{name}[{next(iter(data), 'x')!r}]`."
        )
    if isinstance(data, list) and (len(data) > 3 or _holds_numbers(data)):
        return data, None, None
    if not isinstance(data, (list, tuple)):
        return data, None, None
    if not 0 < len(data) <= 3:
        raise DataError(
            f"{name} is a tuple of {len(data)} entries; expected (x,), (x, y) or "
            "(x, y, sample_weight), x one array of examples, (n, *event_shape)."
        )
    inputs, targets, weights = (*data, None, None)[:3]
    return inputs, targets, weights


def _holds_numbers(data: list[Any]) -> bool:
    """Whether this is a list of lists of numbers."""
    first = data[0] if data else None
    return isinstance(first, (list, tuple)) and bool(first) and _is_number(first[0])


def check_layout(data: Any, name: str) -> None:
    """Refuse what would become an array of other values than the user sees.

    Args:
        data: what the user gave.
        name: how to call it in an error.

    Raises:
        DataError: if the data is masked, sparse or ragged.
    """
    kind = type(data).__name__
    if isinstance(data, np.ma.MaskedArray):
        raise DataError(
            f"{name} is a masked array; expected one with all values. Fill the masked ones in, "
            f"`{name}.filled(value)`, or leave such examples out."
        )
    if (dense := _dense_form(data)) is not None:
        raise DataError(
            f"{name} is sparse ({kind}); expected a dense array. Convert it with "
            f"`{dense.format(name)}`."
        )
    if kind in ("RaggedTensor", "RaggedTensorValue") or getattr(data, "is_nested", False) is True:
        raise DataError(
            f"{name} is ragged ({kind}); expected examples of one shape. Pad them, or cut them to "
            "one length."
        )


def _dense_form(data: Any) -> str | None:
    """Return how to make a sparse value dense, None for any other; names tell, no library."""
    kind = type(data)
    if kind.__name__ in _SPARSE:
        return _SPARSE[kind.__name__]
    if str(getattr(data, "layout", "")).startswith("torch.sparse"):
        return "{0}.to_dense()"
    return "{0}.toarray()" if kind.__module__.startswith("scipy.sparse") else None


def _from_torch(data: Any) -> NDArray[Any]:
    tensor = data.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.float()
    return _plain(tensor.resolve_conj().resolve_neg().numpy())


def _converted(data: Any, name: str) -> NDArray[Any]:
    try:
        return np.asarray(data)
    except (ValueError, TypeError, RuntimeError, NotImplementedError) as error:
        reason = str(error).split("\n")[0]
        raise DataError(
            f"{name} is a {type(data).__name__} that makes no array ({reason}); expected an array "
            "of numbers, (n, *event_shape)."
        ) from error


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """Return numbers kept as objects, or as types that NumPy lacks, in a type of NumPy's own."""
    if array.dtype.kind == "O" and array.size and all(_is_number(value) for value in array.flat):
        return array.astype(np.result_type(*{np.asarray(value).dtype for value in array.flat}))
    if array.dtype.kind == "V" and array.dtype.names is None and "float" in array.dtype.name:
        return array.astype(np.float32)  # bfloat16 and the like
    return array


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating))


def _from_sequence(data: Sequence[Any], name: str) -> NDArray[Any]:
    """Return an array of rows; each may be a list, an array or a tensor."""
    if any(hasattr(row, "shape") for row in data):
        data = [
            require_array(row, f"{name}[{number}]") if hasattr(row, "shape") else row
            for number, row in enumerate(data)
        ]
        if max(map(np.ndim, data)) > 1:
            raise DataError(
                f"{name} is a sequence of arrays, the first of shape {np.shape(data[0])}; expected "
                "one array of examples, (n, *event_shape). Pass the array itself, or join them "
                "with `numpy.concatenate` or `numpy.stack`."
            )
    try:
        return _plain(np.asarray(data))
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(
            f"{name} is a {type(data).__name__} of rows that differ{_first_different(data, name)}; "
            "expected examples of one shape. Give all of them the same number of values."
        ) from error


def _first_different(data: Sequence[Any], name: str) -> str:
    """Say which row is the first that is not shaped as row 0."""
    shapes = [_shape(row) for row in data]
    for number, shape in enumerate(shapes):
        if shape is None:
            return f": {name}[{number}] has parts of different lengths"
        if shape != shapes[0]:
            return f": {name}[{number}] has the shape {shape}, {name}[0] has {shapes[0]}"
    return ""


def _shape(row: Any) -> tuple[int, ...] | None:
    """Return the shape of nested lists, () for a single value, None where their lengths differ."""
    if not isinstance(row, (list, tuple)):
        return tuple(getattr(row, "shape", ()))
    inner = {_shape(entry) for entry in row}
    if len(inner) > 1 or None in inner:
        return None
    return (len(row), *(inner.pop() or ())) if inner else (0,)
