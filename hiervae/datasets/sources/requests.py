"""What is asked of images that are read when they are needed: which rows, and how many at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hiervae.errors import DataError, DatasetOptionError
from hiervae.utils.validation import check_positive_ints


def row_numbers(indices: object, num_rows: int) -> NDArray[np.int64]:
    """Return the numbers of the rows that NumPy would take from an array of `num_rows` rows.

    Args:
        indices: integers, negative ones counted from the end; a mask with one boolean for each
            row; or a slice.
        num_rows: number of rows that there are.

    Returns:
        Numbers from 0 to `num_rows - 1`, shape (number of chosen rows,).

    Raises:
        IndexError: if a number is out of range.
        DataError: if `indices` is nothing of the kind, or a mask of another length.
    """
    if isinstance(indices, slice):
        return np.arange(num_rows, dtype=np.int64)[_checked_slice(indices)]
    try:
        given = np.asarray(indices)
    except ValueError as error:  # rows of several lengths
        raise DataError(f"indices is {indices!r}; {_EXPECTED}.") from error
    if given.ndim != 1:
        hint = f" For one row, give [{given}]." if given.ndim == 0 else ""
        raise DataError(f"indices has the shape {given.shape}; {_EXPECTED}.{hint}")
    if given.dtype == np.bool_:
        if len(given) != num_rows:
            raise DataError(
                f"indices is a mask of {len(given)} booleans; expected one for each of the "
                f"{num_rows} rows."
            )
        return np.flatnonzero(given).astype(np.int64)
    if not given.size:
        return np.zeros(0, np.int64)
    if given.dtype.kind not in "iu":
        raise DataError(f"indices holds values of the type {given.dtype}; {_EXPECTED}.")
    outside = (given < -num_rows) | (given >= num_rows)
    if outside.any():
        raise IndexError(
            f"indices holds {given[outside][0]}; expected numbers from {-num_rows} to "
            f"{num_rows - 1}, for there are {num_rows} rows."
        )
    rows = given.astype(np.int64)
    return np.where(rows < 0, rows + num_rows, rows)


def check_counts(**counts: object) -> None:
    """Refuse options that are no positive integers.

    Raises:
        DatasetOptionError: if one is not.
    """
    try:
        check_positive_ints(**counts)
    except ValueError as error:
        raise DatasetOptionError(str(error)) from error


def _checked_slice(rows: slice) -> slice:
    try:
        rows.indices(0)
    except (TypeError, ValueError) as error:
        raise DataError(f"indices is {rows}; expected integers in it, and a step but 0.") from error
    return rows


_EXPECTED = "expected row numbers such as [0, 2], a mask of one boolean for each row, or a slice"
