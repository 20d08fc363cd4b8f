"""Cyclical annealing."""

from __future__ import annotations

import math

from hiervae.options import check_number_between, check_positive_int
from hiervae.schedulers import Scheduler
from hiervae.types import Config, Signals, Tensor
from keras import ops


class Cyclical(Scheduler):
    """beta = f(tau), tau = mod(t - 1, ceil(T / M)) / (T / M) (Fu et al. 2019, Eqs. 6-7).

    f rises linearly from 0 at tau = 0 to 1 at tau = R and stays 1 to the end of the cycle. After
    the T steps beta is 1, so that training may go on on the ELBO.

    Args:
        steps: T, training steps (batches) of all cycles together.
        cycles: M.
        ratio: R, the part of a cycle in which beta rises, from 0 to 1.

    Raises:
        ValueError: if a number is out of range, or there are more cycles than steps.
    """

    def __init__(self, steps: int, cycles: int = 4, ratio: float = 0.5) -> None:
        self.steps = check_positive_int("steps", steps)
        self.cycles = check_positive_int("cycles", cycles)
        self.ratio = check_number_between("ratio", ratio, 0.0, 1.0)
        if self.cycles > self.steps:
            raise ValueError(
                f"cycles={cycles!r} beside steps={steps!r}: expected at most one cycle a step."
            )

    def initial_state(self) -> dict[str, float]:
        """Beta before the first step, and phase 0."""
        return {"beta": 0.0, "phase": 0.0}

    def update(self, state: dict[str, Tensor], signals: Signals) -> dict[str, Tensor]:
        """The place in the cycle by the number of the step; phase 1 after the last cycle."""
        length = math.ceil(self.steps / self.cycles)
        place = ops.mod(signals.step - 1.0, float(length)) * (self.cycles / self.steps)
        rising = ops.clip(place / max(self.ratio, 1e-30), 0.0, 1.0)
        beta = ops.where(place < self.ratio, rising, 1.0)
        over = signals.step > float(self.steps)
        return {"beta": ops.where(over, 1.0, beta), "phase": ops.cast(over, "float32")}

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {"steps": self.steps, "cycles": self.cycles, "ratio": self.ratio}
