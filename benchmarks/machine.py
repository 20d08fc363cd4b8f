"""What the machine can do: the rate of large matrix products, and the memory's bandwidth."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.rows import OWN
from benchmarks.worker import Job

SIZE, COPIED = 1000, 2**26


def prepare(name: str, subject: str, size: int, seed: int, smoke: bool) -> Job:
    """Prepare "product" or "copy"; the package's backend, or NumPy."""
    if name == "copy":
        source = np.ones(COPIED // 4, dtype="float32")
        target = np.empty_like(source)
        return Job(lambda: [np.copyto(target, source) for _ in range(size)], size)
    generator = np.random.default_rng(seed)
    a, b = generator.normal(size=(2, SIZE, SIZE)).astype("float32")
    flop = 2.0 * SIZE**3
    if subject != OWN:
        out = np.empty_like(a)
        return Job(lambda: [np.matmul(a, b, out=out) for _ in range(size)], size, flop)
    return Job(_backend_products(a, b, size), size, flop)


def _backend_products(a: Any, b: Any, size: int) -> Any:
    import keras
    from keras import ops

    a, b = ops.convert_to_tensor(a), ops.convert_to_tensor(b)
    if keras.backend.backend() == "jax":
        import jax

        product = jax.jit(lambda a, b: a @ b)
        return lambda: jax.block_until_ready([product(a, b) for _ in range(size)])
    return lambda: [ops.matmul(a, b) for _ in range(size)][-1][0, 0].numpy()
