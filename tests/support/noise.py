"""Noise that does not depend on the backend."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from hiervae.random import inject_noise

LENGTH = 1 << 14


def fixed_noise(kind: str, width: int) -> np.ndarray[Any, Any]:
    """The numbers that every draw of this kind and last dimension begins with."""
    rng = np.random.default_rng(zlib.crc32(f"{kind}-{width}".encode()))
    draw = rng.standard_normal(LENGTH) if kind == "normal" else rng.random(LENGTH)
    return draw.astype("float32")


def draw(kind: str, shape: tuple[Any, ...]) -> Any:
    """Noise of `shape`, whose leading size may be known only when a graph runs."""
    flat = keras.ops.convert_to_tensor(fixed_noise(kind, int(shape[-1])))
    size = 1
    for length in shape:
        size = size * length
    return keras.ops.reshape(flat[:size], shape)


def array(kind: str, *shape: int) -> np.ndarray[Any, Any]:
    """What a draw of this static shape gives, as float64."""
    size = int(np.prod(shape))
    return fixed_noise(kind, shape[-1])[:size].reshape(shape).astype("float64")


@contextmanager
def same_noise_everywhere() -> Iterator[None]:
    """Every draw of one kind and shape gives the same numbers, on every backend."""
    with inject_noise(draw):
        yield


@contextmanager
def no_noise() -> Iterator[None]:
    """Every draw is the mean of its distribution."""
    with inject_noise(lambda kind, shape: keras.ops.zeros(shape) + 0.5 * (kind == "uniform")):
        yield
