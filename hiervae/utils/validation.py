"""Checks of options that several parts take."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np


def check_bool(name: str, value: Any) -> bool:
    """`value` if it is True or False.

    Raises:
        ValueError: if it is not.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name}={value!r}: expected True or False.")
    return bool(value)


def check_positive_int(name: str, value: Any) -> int:
    """`value` if it is a positive integer.

    Raises:
        ValueError: if it is not.
    """
    if not _is_integer(value, 1):
        raise ValueError(f"{name}={value!r}: expected a positive integer, such as {name}=1.")
    return int(value)


def check_optional_positive_int(name: str, value: Any) -> int | None:
    """`value` if it is a positive integer or None.

    Raises:
        ValueError: if it is neither.
    """
    return None if value is None else check_positive_int(name, value)


def check_natural(name: str, value: Any) -> int:
    """`value` if it is an integer of at least 0.

    Raises:
        ValueError: if it is not.
    """
    if not _is_integer(value, 0):
        raise ValueError(f"{name}={value!r}: expected an integer of at least 0, such as {name}=0.")
    return int(value)


def check_positive_ints(**values: Any) -> None:
    """Check that those of the values that are given are positive integers.

    Args:
        **values: by their names; None stands for one that is not given.

    Raises:
        ValueError: if one is not.
    """
    for name, value in values.items():
        if value is not None:
            check_positive_int(name, value)


def check_positive_number(name: str, value: Any) -> float:
    """`value` if it is a positive finite number.

    Raises:
        ValueError: if it is not.
    """
    if not _is_number(value) or not 0.0 < value < math.inf:
        raise ValueError(f"{name}={value!r}: expected a positive number, such as {name}=1.0.")
    return float(value)


def check_rate(name: str, value: Any) -> float:
    """`value` if it is a positive number that float32 holds with room to multiply.

    Raises:
        ValueError: if it is not.
    """
    number = check_positive_number(name, value)
    if not 1e-30 <= number <= 1e30:
        raise ValueError(f"{name}={value!r}: expected a positive number from 1e-30 to 1e30.")
    return number


def check_finite_number(name: str, value: Any) -> float:
    """`value` if it is a finite number.

    Raises:
        ValueError: if it is not.
    """
    if not _is_number(value) or not math.isfinite(value):
        raise ValueError(f"{name}={value!r}: expected a finite number, such as {name}=0.0.")
    return float(value)


def check_number_between(name: str, value: Any, low: float, high: float) -> float:
    """`value` if it is a number in [low, high].

    Raises:
        ValueError: if it is not.
    """
    if not _is_number(value) or not low <= value <= high:
        raise ValueError(f"{name}={value!r}: expected a number from {low} to {high}.")
    return float(value)


def check_seed(value: Any) -> int | None:
    """A seed that every backend takes, or None.

    Raises:
        ValueError: if it is neither None nor an integer from 0 to 2^31 - 1.
    """
    if value is None:
        return None
    if not _is_integer(value, 0) or not value < 2**31:
        raise ValueError(f"seed={value!r}: expected None or an integer from 0 to {2**31 - 1}.")
    return int(value)


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """`value` if it is one of `choices`.

    Raises:
        ValueError: if it is not.
    """
    if value not in choices:
        raise ValueError(f"{name}={value!r}: expected one of {', '.join(map(repr, choices))}.")
    return str(value)


def check_increasing(
    name: str, value: Any, example: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    """`value` as two floats, if it is two increasing finite numbers.

    Raises:
        ValueError: if it is not; the message shows `example`.
    """
    try:
        low, high = (float(bound) for bound in value)
    except (TypeError, ValueError):
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise ValueError(
            f"{name}={value!r}: expected two increasing finite numbers, such as {example}."
        )
    return low, high


def _is_integer(value: Any, least: int) -> bool:
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return is_integer and bool(value >= least)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
