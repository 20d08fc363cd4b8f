"""Random starts of weights, drawn in few sizes."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from hiervae.types import Shape

SIZES = (2**12, 2**16, 2**19, 2**22)
"""Numbers of values that are drawn; a weight of more is drawn as it is."""

_DRAWS = ("uniform", "normal", "truncated_normal")
_lock = threading.RLock()


@contextmanager
def in_few_sizes() -> Iterator[None]:
    """Let initialisers draw from `jax.random` in the sizes of `SIZES`, and keep what they need.

    JAX compiles a draw for each shape, which takes longer than all else in the building of a model.
    With the generator that is JAX's default, a value depends on the key and on its position alone,
    so that weights are the same bit for bit.

    Keras' initialisers take no other source of random numbers, so the functions they call are
    replaced within the context. Models that other threads build wait for their turn; the draws of
    other threads are as they were.
    """
    with _lock:
        found = {name: getattr(jax.random, name) for name in _DRAWS}
        for name, draw in found.items():
            setattr(jax.random, name, _in_few_sizes(draw, threading.get_ident()))
        try:
            yield
        finally:
            for name, draw in found.items():
                setattr(jax.random, name, draw)


def _in_few_sizes(draw: Callable[..., Any], thread: int) -> Callable[..., Any]:
    @functools.wraps(draw)
    def drawn(*arguments: Any, **options: Any) -> Any:
        by_keras = len(arguments) == 1 and "shape" in options
        if not by_keras or threading.get_ident() != thread:
            return draw(*arguments, **options)
        return _draw(draw, *arguments, **options)

    return drawn


def _draw(draw: Callable[..., Any], key: Any, shape: Shape, **options: Any) -> Any:
    count = math.prod(shape)
    size = next((size for size in SIZES if size >= count), None)
    if size is None or not _is_by_position(key, options):
        return draw(key, shape=shape, **options)
    values = np.asarray(draw(key, shape=(size,), **options))
    return jax.numpy.asarray(values[:count].reshape(shape))


def _is_by_position(key: Any, options: dict[str, Any]) -> bool:
    """Whether a value depends on the key and its position, and may be read now."""
    generator = jax.config.jax_default_prng_impl, jax.config.jax_threefry_partitionable
    bounds = (option for name, option in options.items() if name != "dtype")
    return (
        generator == ("threefry2x32", True)
        and not isinstance(key, jax.core.Tracer)
        and not jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key)
        and all(np.ndim(bound) == 0 for bound in bounds)
    )
