"""Running a compiled function over arrays in batches of one size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from hiervae.utils.validation import check_positive_int

Array = np.ndarray[Any, Any]


def power_of_two(number: int) -> int:
    """Return the least power of two that is not below a positive number."""
    return 1 << (number - 1).bit_length()


def few_sizes(number: int) -> int:
    """Return the least number from `number` on that has three significant binary digits.

    It is at most a quarter larger, and a function is compiled for few sizes only.
    """
    unit = 1 << max(0, number.bit_length() - 3)
    return -(-number // unit) * unit


def filled_up(array: Array, batch_size: int) -> Array:
    """`array` with repeats of its first row, so that its batches have few sizes.

    A number of rows below `batch_size` becomes a power of two, a larger one a multiple.
    """
    count = len(array)
    room = min(batch_size, power_of_two(count)) if count < batch_size else batch_size
    return np.concatenate([array, np.repeat(array[:1], -count % room, axis=0)])


def batches(arrays: Sequence[Array], batch_size: int) -> Any:
    """Yield the arrays' rows in batches of exactly `batch_size`, with the number that counts.

    The last batch is filled up with repeats of its first row, and few rows to a power of two, so
    that a function is compiled for few sizes only.

    Raises:
        ValueError: if `batch_size` is not a positive integer.
    """
    total = len(arrays[0])
    check_positive_int("batch_size", batch_size)
    batch_size = min(batch_size, power_of_two(total))
    for start in range(0, total, batch_size):
        rows = [array[start : start + batch_size] for array in arrays]
        count = len(rows[0])
        if count < batch_size:
            rows = [
                np.concatenate([part, np.repeat(part[:1], batch_size - count, axis=0)])
                for part in rows
            ]
        yield rows, count


def map_batches(
    function: Callable[..., Any], arrays: Sequence[Array], batch_size: int
) -> list[Array]:
    """`function` over batches of the arrays' rows, its outputs joined as NumPy arrays.

    Args:
        function: takes a list with one batch of each array, returns one of arrays with the same
            rows.
        arrays: arrays with the same number of rows.
        batch_size: rows a call.
    """
    collected: list[list[Array]] = []
    for rows, count in batches(arrays, batch_size):
        outputs = function([keras.ops.convert_to_tensor(part) for part in rows])
        collected.append([keras.ops.convert_to_numpy(output)[:count] for output in outputs])
    return [np.concatenate(parts) for parts in zip(*collected, strict=True)]
