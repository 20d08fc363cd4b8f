"""The setting in which a model's parts are created."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

# What the scope changes belongs to the whole process.
_LOCK = threading.RLock()


@contextmanager
def construction_scope(seed: Any, dtype_policy: Any) -> Iterator[None]:
    """Create layers under a dtype policy and, where a seed is given, with reproducible weights.

    Keras takes the seed of an initialiser that has none from Python's `random` when the layer is
    created; its state, and the global policy, are put back afterwards. Two scopes of one seed would
    create equal initialisers: give each a seed of its own.

    Args:
        seed: what Python's `random.seed` takes; None leaves the state alone.
        dtype_policy: of the layers.
    """
    with _LOCK:
        policy, state = keras.config.dtype_policy(), random.getstate()
        keras.config.set_dtype_policy(dtype_policy)
        if seed is not None:
            random.seed(seed)
        try:
            yield
        finally:
            keras.config.set_dtype_policy(policy)
            if seed is not None:
                random.setstate(state)
