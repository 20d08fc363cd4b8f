"""Every random draw of the package, so that tests can inject the same noise on every backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from hiervae.types import Tensor

NoiseSource = Callable[[str, tuple[Any, ...]], Any]

_injected: NoiseSource | None = None


@contextmanager
def inject_noise(source: NoiseSource) -> Iterator[None]:
    """Draw from `source(kind, shape)` instead of the backend's generator, within the context.

    Args:
        source: called with `"normal"` or `"uniform"` and the shape; returns an array of it.
            Inside a compiled function it is called once, when the function is traced.
    """
    global _injected
    previous, _injected = _injected, source
    try:
        yield
    finally:
        _injected = previous


def normal(shape: tuple[Any, ...], seed: Any) -> Tensor:
    """Standard normal noise, float32 whatever the dtype policy."""
    if _injected is not None:
        return keras.ops.convert_to_tensor(_injected("normal", shape), dtype="float32")
    return keras.random.normal(shape, seed=seed, dtype="float32")


def uniform(shape: tuple[Any, ...], seed: Any) -> Tensor:
    """Uniform noise on [0, 1), float32 whatever the dtype policy."""
    if _injected is not None:
        return keras.ops.convert_to_tensor(_injected("uniform", shape), dtype="float32")
    return keras.random.uniform(shape, seed=seed, dtype="float32")
