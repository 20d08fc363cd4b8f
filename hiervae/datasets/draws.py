"""Random draws in data sets."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from hiervae.errors import DatasetOptionError


def checked_seed(seed: Any) -> int:
    """Return a seed that NumPy takes.

    Raises:
        DatasetOptionError: if it is no integer of at least 0.
    """
    is_integer = isinstance(seed, numbers.Integral) and not isinstance(seed, bool)
    if not is_integer or seed < 0:
        raise DatasetOptionError(f"The seed is {seed!r}; expected an integer of at least 0.")
    return int(seed)


def generator(seed: Any) -> np.random.Generator:
    """Return NumPy's generator for a seed.

    Raises:
        DatasetOptionError: if the seed is no integer of at least 0.
    """
    return np.random.default_rng(checked_seed(seed))
