"""How many rows go through a model at once in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import keras

from hiervae.backend import has_accelerator

MOST_ROWS = 10_000
MOST_ROWS_ON_CPU = 2_000
"""On a CPU more rows would leave its caches between one layer and the next."""
MEMORY_PER_PASS = 1 << 30
"""Bytes that one pass may take, as far as the sizes of layers tell."""
MEMORY_PER_PASS_ON_CPU = 1 << 26
"""The same on a CPU, again for its caches: more takes convolutions up to three times as long."""

BYTES_PER_VALUE = 4
# A layer's input and output, what its nonlinearity makes of them, and what a backend works in.
COPIES = 4


def rows_in_memory(layers: Iterable[keras.layers.Layer]) -> int:
    """Rows for which no layer takes more than the memory of a pass, from 1 to the most rows."""
    largest = max((_values_per_row(layer) for layer in layers), default=0)
    bytes_per_row = max(1, COPIES * BYTES_PER_VALUE * largest)
    if has_accelerator():
        return max(1, min(MOST_ROWS, MEMORY_PER_PASS // bytes_per_row))
    return max(1, min(MOST_ROWS_ON_CPU, MEMORY_PER_PASS_ON_CPU // bytes_per_row))


def _values_per_row(layer: keras.layers.Layer) -> int:
    """Values that come into a built layer and go out of it, for one row, as far as it says."""
    config = layer.get_build_config() or {}
    shapes = list(config.get("shapes_dict", config).values())
    with suppress(Exception):  # a layer of the user's own need not know
        shapes.append(layer.compute_output_shape(*shapes))
    return sum(_size(shape) for shape in shapes)


def _size(shape: Any) -> int:
    if not isinstance(shape, (list, tuple)):
        return 0
    if any(isinstance(entry, (list, tuple)) for entry in shape):
        return sum(_size(entry) for entry in shape)
    return math.prod(size for size in shape[1:] if isinstance(size, int))
