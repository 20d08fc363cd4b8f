"""Greys in [0, 1] and the levels they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from hiervae.errors import DataError
from hiervae.types import Tensor
from hiervae.utils.arrays import first_position
from hiervae.utils.validation import check_positive_int


def check_num_levels(name: str, value: Any) -> int:
    """`value` if it is an integer of at least 2.

    Raises:
        ValueError: if it is not.
    """
    if check_positive_int(name, value) < 2:
        raise ValueError(f"{name}={value!r}: expected at least 2, such as {name}=256.")
    return int(value)


def level_of(grey: Tensor, num_levels: int) -> Tensor:
    """The level 0 ... num_levels - 1 of a grey in [0, 1], as float32: floor(num_levels * grey).

    White, 1, joins the topmost level. So k / (num_levels - 1), as 8-bit data divided by 255 has
    them, is level k; and so is every value between k / num_levels and (k + 1) / num_levels, as
    dequantised data has them.
    """
    return ops.clip(ops.floor(grey * num_levels), 0.0, num_levels - 1.0)


def grey_of(level: Tensor, num_levels: int) -> Tensor:
    """The grey in [0, 1] that stands for a level: level / (num_levels - 1), float32."""
    return ops.cast(level, "float32") / (num_levels - 1.0)


def where_possible(possible: Tensor, log_prob: Tensor) -> Tensor:
    """Log-probabilities (n, ...) summed over the event, minus infinity where a value has none."""
    axes = tuple(range(1, len(log_prob.shape)))
    all_possible = ops.all(possible, axis=axes)
    total = ops.where(all_possible, ops.sum(log_prob, axis=axes), 0.0)
    # No constant of minus infinity, which tools that look for infinities would report.
    return total + ops.log(ops.cast(all_possible, "float32"))


def is_grey(value: Tensor) -> Tensor:
    """Whether each value lies in [0, 1]."""
    return ops.logical_and(value >= 0.0, value <= 1.0)


def is_binary(value: Tensor) -> Tensor:
    """Whether each value is 0 or 1."""
    return ops.equal(value * (1.0 - value), 0.0)


def check_binary(values: np.ndarray[Any, Any], what: str, alternative: str) -> None:
    """Refuse an array of values in [0, 1] that has anything but 0 and 1.

    Raises:
        DataError: if it has; `what` names the likelihood and `alternative` another way out.
    """
    grey = (values != 0) & (values != 1)
    if grey.any():
        index = first_position(grey)
        raise DataError(
            f"The data has values between 0 and 1 (such as {values[index]} at position {index}); "
            f"the {what} likelihood expects only 0 and 1. Binarise the data "
            "(hiervae.datasets.binarise for evaluation, dynamic_binarisation=True of the model for "
            f"training), or {alternative}"
        )
