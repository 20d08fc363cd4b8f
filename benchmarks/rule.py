"""What steering beta costs: a training step under REWO beside one with a constant beta.

Two copies of the preset "vhp" for 28x28 images. First with a kappa out of reach, so that REWO stays
in its initial phase and holds the prior's weights, then with one that is met at once, so that all
weights move, the prior's by a count of steps of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import hiervae
from benchmarks.rows import OWN
from benchmarks.worker import Job
from hiervae.backend import DEFAULT_STEPS_PER_EXECUTION

BATCH = 100
KAPPAS = {"initial": 1e-3, "main": 1.0}


class Trainer:
    """The preset's model under one rule."""

    def __init__(self, steps: int, seed: int) -> None:
        x = np.random.default_rng(seed).random((steps * BATCH, 28, 28)) < 0.13
        self.x = x.astype("float32")
        self.model = hiervae.presets.get("vhp").build_model(
            (28, 28), seed=0, steps_per_execution=min(10, DEFAULT_STEPS_PER_EXECUTION)
        )

    def train(self, scheduler: dict[str, Any], steps: int | None = None) -> None:
        """One `fit` of so many steps."""
        controller = hiervae.callbacks.BetaController(scheduler)
        examples = self.x if steps is None else self.x[: steps * BATCH]
        self.model.fit(examples, batch_size=BATCH, callbacks=[controller], verbose=0)


def prepare(name: str, subject: str, size: int, seed: int, smoke: bool) -> Job:
    """Prepare the phase `name` of REWO, or a constant beta."""
    trainer = Trainer(size, seed)
    if subject != OWN:
        return Job(lambda: trainer.train({"name": "constant"}), size)
    # First steps of their own, so that the prior's optimiser counts its steps by itself.
    trainer.train({"name": "rewo", "kappa": KAPPAS["initial"]}, min(10, size))
    scheduler = {"name": "rewo", "kappa": KAPPAS[name]}
    return Job(lambda: trainer.train(scheduler), size)
