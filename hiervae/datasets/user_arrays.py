"""The user's own arrays, from memory or from `.npz` and `.npy` files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.datasets.dataset import Dataset, DatasetInfo, Labels
from hiervae.datasets.files import arrays_checksum, combined_checksum, file_checksum
from hiervae.datasets.readers.npy import read_npy, read_npz
from hiervae.datasets.scaling import Array, scale_bytes
from hiervae.datasets.splits import (
    DEFAULT_FRACTION,
    Indices,
    fraction_sizes,
    split_indices,
    unused_fraction,
)
from hiervae.errors import DataError, DatasetOptionError
from hiervae.utils.arrays import check_numbers, first_position, require_array, to_float32

_SPLITS = ("train", "valid", "test")
_EXPECTED = (
    "expected 'train' (with 'valid', 'test', 'train_labels', 'valid_labels', 'test_labels' as "
    "needed), or a single array"
)


def load_file(
    path: Path,
    *,
    valid_fraction: float = DEFAULT_FRACTION,
    test_fraction: float = DEFAULT_FRACTION,
    seed: int | None = 0,
) -> Dataset:
    """Read a `.npy` file, or an `.npz` with `train` (and `valid`, `test`, labels), or one array.

    Args:
        path: the file.
        valid_fraction: part of the examples used for validation where the file has no `valid`.
        test_fraction: part of the examples used for testing where the file has no `test`.
        seed: seed of the division; None keeps the order.

    Returns:
        The data set, with the values as `from_arrays` takes them.

    Raises:
        DataError: if the arrays do not fit together, are empty or not finite, or an option is out
            of range.
        DamagedFileError: if the file is damaged or holds objects.
    """
    arrays = {"train": read_npy(path)} if path.suffix == ".npy" else read_npz(path)
    if len(arrays) == 1:
        arrays = {"train": next(iter(arrays.values()))}
    known = {*_SPLITS, *(f"{split}_labels" for split in _SPLITS)}
    unknown = [name for name in arrays if name not in known]
    if "train" not in arrays or unknown:
        raise DataError(f"{path} has the arrays {', '.join(arrays) or 'none'}; {_EXPECTED}.")
    try:
        dataset = from_arrays(
            **arrays,
            valid_fraction=valid_fraction,
            test_fraction=test_fraction,
            seed=seed,
            name=path.stem,
        )
    except DatasetOptionError:
        raise
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    checksums = {path.name: file_checksum(path)}
    info = replace(
        dataset.info,
        source=str(path),
        checksum=combined_checksum(checksums),
        checksums=checksums,
    )
    return replace(dataset, info=info)


def from_arrays(
    train: ArrayLike,
    valid: ArrayLike | None = None,
    test: ArrayLike | None = None,
    *,
    train_labels: ArrayLike | None = None,
    valid_labels: ArrayLike | None = None,
    test_labels: ArrayLike | None = None,
    valid_fraction: float = DEFAULT_FRACTION,
    test_fraction: float = DEFAULT_FRACTION,
    seed: int | None = 0,
    name: str = "arrays",
) -> Dataset:
    """Make a `Dataset` of arrays in memory.

    Examples and labels may be NumPy arrays, lists, tensors of any backend, or pandas' DataFrame
    and Series. Rows belong together by their position, whatever index a table has.

    Bytes (uint8) are divided by 255, unless all of them are 0 and 1; booleans become 0 and 1, and
    other numbers are kept.

    Args:
        train: training examples, shape (n, *event_shape).
        valid: validation examples; None takes `valid_fraction` of `train`.
        test: test examples; None takes `test_fraction` of `train`.
        train_labels: labels of `train`, divided with it.
        valid_labels: labels of `valid`.
        test_labels: labels of `test`.
        valid_fraction: see `valid`; a chosen one beside `valid` has no effect, with a warning.
        test_fraction: see `test`; likewise.
        seed: seed of the division; None keeps the order, validation and test at the end.
        name: the data set's name in its info.

    Raises:
        DataError: if an option is out of range; if the arrays do not fit together, are empty, not
            finite, masked, sparse or ragged; or if bytes are divided by 255 and another array has
            values outside [0, 1].
    """
    given = {
        split: (_array(examples, split), _array(labels, f"{split}_labels"))
        for split, examples, labels in (
            ("train", train, train_labels),
            ("valid", valid, valid_labels),
            ("test", test, test_labels),
        )
    }
    for split, (array, labels) in given.items():
        _check(split, array, labels)
    greys = _holds_greys({split: array for split, (array, _) in given.items() if array is not None})
    num_examples = len(require_array(given["train"][0], "train"))
    if valid is not None:
        reason = "there are validation examples"
        valid_fraction = unused_fraction("valid_fraction", valid_fraction, reason)
    if test is not None:
        test_fraction = unused_fraction("test_fraction", test_fraction, "there are test examples")
    sizes = fraction_sizes(num_examples, valid_fraction, test_fraction)
    drawn = dict(zip(_SPLITS, split_indices(num_examples, *sizes, seed), strict=True))
    if valid is not None and test is not None:
        drawn["train"] = np.arange(num_examples, dtype=np.int64)
    parts = {split: _part(split, given, drawn[split], greys) for split in _SPLITS}
    shapes = {array.shape[1:] for array, _ in parts.values()}
    if len(shapes) > 1:
        raise DataError(
            "Training, validation and test examples have the shapes "
            f"{', '.join(str(array.shape[1:]) for array, _ in parts.values())}; they must agree."
        )
    arrays = [array for array, _ in parts.values()]
    info = DatasetInfo(
        name=name,
        title=name,
        event_shape=shapes.pop(),
        value_range=_value_range(arrays),
        likelihood="bernoulli" if _is_binary(arrays) else "gaussian",
        binarisation="static" if _is_binary(arrays) else "none",
        source="the user's own arrays",
        licence="the user's own",
        citation="",
        sizes={split: len(array) for split, (array, _) in parts.items()},
        checksum=arrays_checksum(arrays),
    )
    return Dataset(
        train=parts["train"][0],
        valid=parts["valid"][0],
        test=parts["test"][0],
        info=info,
        train_labels=parts["train"][1],
        valid_labels=parts["valid"][1],
        test_labels=parts["test"][1],
    )


def _part(
    split: str, given: dict[str, tuple[Any, Labels | None]], drawn: Indices, greys: bool
) -> tuple[Array, Labels | None]:
    array, labels = given[split]
    if split == "train" or array is None:
        array, labels = given["train"]
        return _to_float(array[drawn], split, greys), None if labels is None else labels[drawn]
    return _to_float(array, split, greys), labels


def _array(data: Any, name: str) -> NDArray[Any] | None:
    return None if data is None else require_array(data, name)


def _to_float(array: NDArray[Any], split: str, greys: bool) -> Array:
    is_grey = greys and array.dtype == np.uint8
    return scale_bytes(array) if is_grey else to_float32(array, split)


def _holds_greys(arrays: dict[str, NDArray[Any]]) -> bool:
    """Whether bytes are levels of grey; zeros and ones alone are values as they are.

    Raises:
        DataError: if they are and another array has values outside [0, 1], which stay as they are.
    """
    levels = [
        split for split, array in arrays.items() if array.dtype == np.uint8 and array.max() > 1
    ]
    for split, array in arrays.items():
        if not levels or array.dtype == np.uint8 or (array.min() >= 0 and array.max() <= 1):
            continue
        raise DataError(
            f"{levels[0]} holds bytes, which are divided by 255, and {split} values of the type "
            f"{array.dtype} from {array.min():g} to {array.max():g}, which are kept: expected all "
            "in the same scale. Convert them to one type, or to float32 from 0 to 1."
        )
    return bool(levels)


def _check(split: str, array: NDArray[Any] | None, labels: Labels | None) -> None:
    if array is not None and (array.ndim < 2 or array.size == 0):
        raise DataError(
            f"The {split} examples have shape {array.shape}; expected (number of examples, "
            "*shape of one example) with at least one value."
        )
    if array is not None:
        check_numbers(array, split)
        if array.dtype.kind == "f":
            to_float32(array, split)  # now, for positions to be those of the array that was given
    if labels is not None and array is None:
        raise DataError(f"{split}_labels were given without {split} examples.")
    if labels is not None and array is not None and labels.shape[:1] != array.shape[:1]:
        raise DataError(
            f"{split}_labels have shape {labels.shape}; expected one row for each of the "
            f"{len(array)} examples."
        )
    if labels is not None and labels.dtype.kind == "f" and not np.isfinite(labels).all():
        index = first_position(~np.isfinite(labels))
        raise DataError(
            f"{split}_labels holds {labels[index]} at position {index}; expected finite numbers. "
            "Leave the labels out, or fill in what is missing."
        )


def _value_range(arrays: list[Array]) -> tuple[float | None, float | None]:
    low = min(float(array.min()) for array in arrays if array.size)
    high = max(float(array.max()) for array in arrays if array.size)
    return (0.0, 1.0) if low >= 0.0 and high <= 1.0 else (None, None)


def _is_binary(arrays: list[Array]) -> bool:
    return all(bool(np.isin(array, (0.0, 1.0)).all()) for array in arrays)
