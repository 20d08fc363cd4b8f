"""Reads of device arrays by the host for each training batch, under REWO and a constant beta.

    KERAS_BACKEND=jax python -m benchmarks.reads

On JAX everything is counted that turns a device array into a NumPy array or a Python number during
`fit`. Rounds of two lengths tell what a batch costs from what a `fit` costs. REWO must add nothing.
On an accelerator `jax.transfer_guard_device_to_host("log")` shows the same; on the CPU, where
arrays are not copied, it is silent.

Exit status 1 if REWO reads more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from benchmarks.rule import KAPPAS, Trainer

STEPS = 40


@contextmanager
def counted_reads() -> Iterator[Callable[[], int]]:
    """Count reads of device arrays by the host (JAX), in all threads; gives the count so far."""
    import jax

    reads: list[None] = []
    array_class = type(jax.numpy.zeros(()))
    value = array_class._value
    originals = {name: getattr(np, name) for name in ("asarray", "array")}

    def spying(original: Callable[..., Any]) -> Callable[..., Any]:
        def convert(data: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(data, array_class):
                reads.append(None)
            return original(data, *args, **kwargs)

        return convert

    def read(array: Any) -> Any:
        reads.append(None)
        return value.__get__(array)

    try:
        array_class._value = property(read)
        for name, original in originals.items():
            setattr(np, name, spying(original))
        yield lambda: len(reads)
    finally:
        array_class._value = value
        for name, original in originals.items():
            setattr(np, name, original)


def reads_per_batch(trainer: Trainer, scheduler: dict[str, Any]) -> float:
    """Reads by the host for each batch, those of a `fit` itself taken off."""
    counts = []
    for length in (STEPS // 2, STEPS):
        trainer.train(scheduler, length)  # so that this length is compiled
        with counted_reads() as count:
            trainer.train(scheduler, length)
        counts.append(count())
    return (counts[1] - counts[0]) / (STEPS - STEPS // 2)


def main() -> int:
    """Count and compare."""
    if keras.backend.backend() != "jax":
        sys.exit(f"The active backend is {keras.backend.backend()!r}; set KERAS_BACKEND=jax.")
    constant = reads_per_batch(Trainer(STEPS, 0), {"name": "constant"})
    worst = constant
    for phase, kappa in KAPPAS.items():
        found = reads_per_batch(Trainer(STEPS, 0), {"name": "rewo", "kappa": kappa})
        worst = max(worst, found)
        print(f"{phase} phase: REWO {found:g} reads a batch, constant beta {constant:g}")
    return int(worst > constant)


if __name__ == "__main__":
    sys.exit(main())
