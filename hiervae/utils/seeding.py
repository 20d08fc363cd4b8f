"""Seeds, and the setting in which a model's parts are created."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

# What the scope changes belongs to the whole process.
_LOCK = threading.RLock()


def derive_seed(seed: int, purpose: str) -> int:
    """Return the seed that a random generator of Keras gets, from 0 to 2^31 - 1.

    Keras counts a generator's draws from its seed on, and PyTorch is given seed + count, so that
    draw t + 1 of seed s would be draw t of seed s + 1. A hash puts neighbouring seeds, and
    generators of one seed that serve other purposes, far from each other on every backend.

    Args:
        seed: what the user chose.
        purpose: what the generator is for.
    """
    digest = hashlib.sha256(f"{purpose} {seed}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def draw_seed() -> int:
    """Draw a seed from Python's global generator, which `keras.utils.set_random_seed` restarts."""
    return random.randrange(2**31)


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
