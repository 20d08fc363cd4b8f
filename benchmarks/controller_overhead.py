"""What steering beta costs: a training step under REWO against one with a constant beta.

    KERAS_BACKEND=jax python benchmarks/controller_overhead.py       # or tensorflow, or torch

Two copies of the preset "vhp" for 28x28 images train on the same data in alternating rounds, one
under `BetaController("constant")`, the other under `BetaController("rewo")`: first with a kappa out
of reach, so that REWO stays in its initial phase and holds the prior's weights, then with one that
is met at once, so that all weights move, the prior's by a count of steps of their own.

On JAX the transfers from the device to the host during `fit` are counted too: everything that turns
a device array into a NumPy array or a Python number. Rounds of two lengths tell what a batch costs
from what a `fit` costs. Keras reads the logs once an execution under any rule; REWO must add
nothing. On an accelerator `jax.transfer_guard_device_to_host("log")` shows the same; on the CPU,
where arrays are not copied, it is silent.

Exit status 1 if the median ratio of the steps' time is above 1.03 in one of the phases, or if REWO
transfers more: wall time, or with `--by cpu`, on a machine that is busy with other things, the time
that the process computed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from interleaved import QUANTITIES, environment, interleave, judge, report

import hiervae

BATCH = 100
BOUND = 1.03
KAPPAS = {"initial": 1e-3, "main": 1.0}


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


class Trainer:
    """The preset's model under one rule."""

    def __init__(self, x: np.ndarray[Any, Any], scheduler: dict[str, Any], fused: int) -> None:
        self.x = x
        self.scheduler = scheduler
        preset = hiervae.presets.get("vhp")
        self.model = preset.build_model(x.shape[1:], seed=0, steps_per_execution=fused)

    def train(self, steps: int) -> None:
        """One `fit` of so many steps."""
        controller = hiervae.callbacks.BetaController(self.scheduler)
        examples = self.x[: steps * BATCH]
        self.model.fit(examples, batch_size=BATCH, callbacks=[controller], verbose=0)

    def reads_per_batch(self, steps: int) -> float:
        """Reads by the host for each batch, those of a `fit` itself taken off."""
        counts = []
        for length in (steps // 2, steps):
            with counted_reads() as count:
                self.train(length)
            counts.append(count())
        return (counts[1] - counts[0]) / (steps - steps // 2)


def main() -> int:
    """Measure, print, and compare with the bound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="pairs of rounds a phase")
    parser.add_argument("--steps", type=int, default=40, help="training steps a round")
    parser.add_argument("--seed", type=int, default=0, help="of the data")
    parser.add_argument("--by", choices=QUANTITIES, default="wall", help="what is judged")
    options = parser.parse_args()
    fused = 1 if keras.backend.backend() == "torch" else 10

    x = np.random.default_rng(options.seed).random((options.steps * BATCH, 28, 28)) < 0.13
    x = x.astype("float32")
    constant = Trainer(x, {"name": "constant"}, fused)
    print(environment())
    print(f"{options.rounds} pairs of {options.steps} steps, {fused} an execution")
    ratios = []
    for phase, kappa in KAPPAS.items():
        rewo = Trainer(x, {"name": "rewo", "kappa": KAPPAS["initial"]}, fused)
        rewo.train(fused)  # so that the prior's optimiser counts its steps by itself
        rewo.scheduler = {"name": "rewo", "kappa": kappa}
        costs = interleave(
            lambda rewo=rewo: rewo.train(options.steps),
            lambda: constant.train(options.steps),
            options.rounds,
        )
        reached = rewo.model.control_values()["phase"]
        print(f"{phase} phase (phase = {reached:.0f} at the end)")
        ratios.append(report(("REWO", "constant"), costs, options.steps)[options.by])
        if keras.backend.backend() == "jax":
            counts = [trainer.reads_per_batch(options.steps) for trainer in (rewo, constant)]
            print(f"  reads by the host a batch: REWO {counts[0]:g}, constant {counts[1]:g}")
            if counts[0] > counts[1]:
                sys.exit("REWO reads from the device; its rule must stay inside the compiled step.")
    return judge(ratios, BOUND)


if __name__ == "__main__":
    sys.exit(main())
