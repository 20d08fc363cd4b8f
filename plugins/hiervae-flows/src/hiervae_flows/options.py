"""Options that all flows share."""

from __future__ import annotations

from typing import Any

from hiervae.options import check_positive_int


def check_hidden_units(hidden_units: Any) -> tuple[int, ...]:
    """Return the widths of the hidden layers.

    Raises:
        ValueError: if they are not one or more positive integers.
    """
    several = isinstance(hidden_units, (list, tuple))
    widths = tuple(hidden_units) if several else (hidden_units,)
    if not widths:
        raise ValueError("hidden_units=(): expected one or more widths, such as (64, 64).")
    return tuple(check_positive_int("hidden_units", width) for width in widths)
