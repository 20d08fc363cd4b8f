"""Every random draw of the package, so that tests can inject the same noise on every backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from hiervae.types import Tensor

NoiseSource = Callable[[str, tuple[Any, ...]], Any]

DrawSource = Callable[[str, tuple[Any, ...], Any], Any]

_injected: NoiseSource | None = None
_source: DrawSource | None = None


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


def is_injected() -> bool:
    """Whether draws come from another source than the backend's generator now."""
    return _injected is not None


@contextmanager
def draws_from(source: DrawSource) -> Iterator[None]:
    """Let `source(kind, shape, seed)` make all draws within, as `draw` would.

    Args:
        source: as that of `inject_noise`, which goes before it, but told the seed as well.
    """
    global _source
    previous, _source = _source, source
    try:
        yield
    finally:
        _source = previous


def draw(kind: str, shape: tuple[Any, ...], seed: Any) -> Tensor:
    """Draw float32 noise of a kind, "normal" or "uniform", from the backend's generator."""
    function = keras.random.normal if kind == "normal" else keras.random.uniform
    return function(shape, seed=seed, dtype="float32")


def normal(shape: tuple[Any, ...], seed: Any) -> Tensor:
    """Standard normal noise, float32 whatever the dtype policy."""
    if _injected is not None:
        return keras.ops.convert_to_tensor(_injected("normal", shape), dtype="float32")
    if _source is not None:
        return _source("normal", shape, seed)
    return draw("normal", shape, seed)


def uniform(shape: tuple[Any, ...], seed: Any) -> Tensor:
    """Uniform noise on [0, 1), float32 whatever the dtype policy."""
    if _injected is not None:
        return keras.ops.convert_to_tensor(_injected("uniform", shape), dtype="float32")
    if _source is not None:
        return _source("uniform", shape, seed)
    return draw("uniform", shape, seed)
