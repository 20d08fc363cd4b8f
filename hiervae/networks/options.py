"""Checks of the options that several networks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HiddenUnits = tuple[int, ...] | tuple[tuple[int, ...], ...]


def standardize_hidden_units(hidden_units: Any) -> HiddenUnits:
    """One tuple of layer sizes for all levels, or a tuple of such tuples, one a level.

    Raises:
        ValueError: if a size is not a positive integer or there is no layer.
    """
    if isinstance(hidden_units, int) and not isinstance(hidden_units, bool):
        hidden_units = (hidden_units,)
    if isinstance(hidden_units, Sequence) and not isinstance(hidden_units, str) and hidden_units:
        nested = [
            isinstance(entry, Sequence) and not isinstance(entry, str) for entry in hidden_units
        ]
        if all(nested):
            levels = [standardize_hidden_units(entry) for entry in hidden_units]
            if not any(isinstance(level[0], tuple) for level in levels):
                return tuple(levels)  # type: ignore[return-value]
        elif not any(nested) and all(
            isinstance(units, int) and not isinstance(units, bool) and units > 0
            for units in hidden_units
        ):
            return tuple(hidden_units)
    raise ValueError(
        f"hidden_units={hidden_units!r} is not a list of layer sizes. Expected positive integers, "
        "such as (300, 300), or one such tuple a level, such as ((512, 512), (256, 256))."
    )


def units_of_level(hidden_units: HiddenUnits, level: int) -> tuple[int, ...]:
    """The layer sizes of `level` (from 1).

    Raises:
        ValueError: if sizes are given a level and there are fewer than `level`.
    """
    if not isinstance(hidden_units[0], tuple):
        return hidden_units
    if level > len(hidden_units):
        raise ValueError(
            f"hidden_units gives sizes for {len(hidden_units)} levels, but level {level} needs "
            f"some too. Received {hidden_units!r}; give one tuple a level, or one for all."
        )
    return hidden_units[level - 1]
