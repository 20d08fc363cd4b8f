"""Division of one array into training, validation and test rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.draws import generator
from hiervae.errors import DatasetOptionError

Indices = NDArray[np.int64]


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


def fraction_sizes(
    num_examples: int, valid_fraction: float, test_fraction: float
) -> tuple[int, int]:
    """Turn fractions into numbers of rows.

    Raises:
        DataError: if a fraction is no number or outside [0, 1) or both together reach 1.
    """
    fractions: dict[str, Any] = {"valid_fraction": valid_fraction, "test_fraction": test_fraction}
    for name, fraction in fractions.items():
        if not isinstance(fraction, (int, float, np.number)):
            raise DatasetOptionError(
                f"{name} is {fraction!r}; expected a number of at least 0 and below 1."
            )
        if not 0.0 <= fraction < 1.0:
            raise DatasetOptionError(f"{name} is {fraction}; it must be at least 0 and below 1.")
    if valid_fraction + test_fraction >= 1.0:
        raise DatasetOptionError(
            f"valid_fraction={valid_fraction} and test_fraction={test_fraction} leave nothing for "
            "training; their sum must be below 1."
        )
    return int(num_examples * valid_fraction), int(num_examples * test_fraction)


def take(array: NDArray[Any] | None, indices: Indices) -> NDArray[Any] | None:
    """Return the rows `indices` of `array`, or None where there is no array."""
    return None if array is None else array[indices]
