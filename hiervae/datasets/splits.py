"""Division of one array into training, validation and test rows."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.draws import generator
from hiervae.errors import DatasetOptionError

Indices = NDArray[np.int64]

DEFAULT_FRACTION = 0.1
"""Part of the user's own examples for validation, and for testing, unless options say so."""


def split_indices(
    num_examples: int, valid_size: int, test_size: int, seed: int | None
) -> tuple[Indices, Indices, Indices]:
    """Divide `num_examples` rows without overlap.

    Args:
        num_examples: number of rows.
        valid_size: number of validation rows, at least 0.
        test_size: number of test rows, at least 0.
        seed: seed of the permutation; None keeps the order, validation and test at the end.

    Returns:
        Row numbers of the training, validation and test rows.

    Raises:
        DataError: if a size is negative, no training row would remain, or the seed is no integer
            of at least 0.
    """
    for name, size in (("valid_size", valid_size), ("test_size", test_size)):
        if size < 0:
            raise DatasetOptionError(f"{name} is {size}; it must be 0 or more.")
    num_train = num_examples - valid_size - test_size
    if num_train < 1:
        raise DatasetOptionError(
            f"valid_size={valid_size} and test_size={test_size} leave {max(num_train, 0)} of "
            f"{num_examples} examples for training; choose smaller sizes."
        )
    order: Indices = np.arange(num_examples, dtype=np.int64)
    if seed is not None:
        order = generator(seed).permutation(order)
    stop = num_train + valid_size
    return order[:num_train], order[num_train:stop], order[stop:]


def check_fraction(name: str, fraction: Any) -> None:
    """Refuse what is no part of a whole.

    Raises:
        DataError: if the fraction is no number or outside [0, 1).
    """
    if not isinstance(fraction, numbers.Real):
        raise DatasetOptionError(
            f"{name} is {fraction!r}; expected a number of at least 0 and below 1."
        )
    if not 0.0 <= float(fraction) < 1.0:
        raise DatasetOptionError(f"{name} is {fraction}; it must be at least 0 and below 1.")


def unused_fraction(name: str, fraction: Any, reason: str) -> float:
    """Return 0 for the fraction of a split that exists, with a warning where it was chosen.

    Args:
        name: the option, for messages.
        fraction: its value; `DEFAULT_FRACTION` may not have been chosen.
        reason: why it has no effect, for the warning.

    Raises:
        DataError: if the fraction is no number or outside [0, 1).
    """
    check_fraction(name, fraction)
    if fraction != DEFAULT_FRACTION:
        warnings.warn(
            f"{name}={fraction} has no effect: {reason}. Leave it out.", UserWarning, stacklevel=4
        )
    return 0.0


def fraction_sizes(
    num_examples: int, valid_fraction: float, test_fraction: float
) -> tuple[int, int]:
    """Turn fractions into numbers of rows, rounded down: 0.29 of 100 are 29, 0.1 of 19 is 1.

    Raises:
        DataError: if a fraction is no number or outside [0, 1) or both together reach 1.
    """
    check_fraction("valid_fraction", valid_fraction)
    check_fraction("test_fraction", test_fraction)
    if valid_fraction + test_fraction >= 1.0:
        raise DatasetOptionError(
            f"valid_fraction={valid_fraction} and test_fraction={test_fraction} leave nothing for "
            "training; their sum must be below 1."
        )
    return _part_of(num_examples, valid_fraction), _part_of(num_examples, test_fraction)


def _part_of(num_examples: int, fraction: float) -> int:
    rows = num_examples * float(fraction)
    # The product of a decimal fraction may be just below the whole number that is meant.
    return round(rows) if math.isclose(rows, round(rows), rel_tol=1e-12) else int(rows)
