"""A capacity of the latent code that rises in training."""

from __future__ import annotations

from hiervae.options import check_number_between, check_positive_number
from hiervae.schedulers import Scheduler
from hiervae.types import Config, Signals, Tensor
from keras import ops


class Capacity(Scheduler):
    """The objective E[log p(x | z)] - gamma |KL - C(t)| of Burgess et al. (2018), Eq. 8.

    C rises linearly from `start` to `end` nats over `steps`. The gradient of gamma |KL - C| is that
    of beta KL with beta = gamma sign(KL - C): KL is raised where it is below C. Beta is therefore
    negative in such steps, and the logged loss is the reconstruction plus beta KL, without the
    constant beta C. The KL is the mean over the batch, as in the absolute value of a batch's KL.

    Args:
        end: C at the end, nats.
        steps: training steps (batches) until then.
        start: C before the first step, nats.
        gamma: weight of the distance.

    Raises:
        ValueError: if a number is out of range.
    """

    allows_negative_beta = True

    def __init__(self, end: float, steps: float, start: float = 0.0, gamma: float = 1000.0) -> None:
        self.end = check_number_between("end", end, 0.0, 1e30)
        self.steps = check_positive_number("steps", steps)
        self.start = check_number_between("start", start, 0.0, 1e30)
        self.gamma = check_positive_number("gamma", gamma)

    def initial_state(self) -> dict[str, float]:
        """gamma, C at the start, and phase 0."""
        return {"beta": self.gamma, "capacity": self.start, "phase": 0.0}

    def update(self, state: dict[str, Tensor], signals: Signals) -> dict[str, Tensor]:
        """C of this step, and the sign of KL - C; phase 1 once C has risen."""
        progress = ops.clip(signals.step / self.steps, 0.0, 1.0)
        capacity = self.start + (self.end - self.start) * progress
        beta = self.gamma * ops.sign(signals.kl - capacity)
        return {
            "beta": ops.where(ops.isfinite(signals.kl), beta, state["beta"]),
            "capacity": capacity,
            "phase": ops.cast(progress >= 1.0, "float32"),
        }

    def diagnose(self, state: dict[str, float]) -> str | None:
        """A line where beta is neither 0 nor +-gamma, which is large by design."""
        if abs(state["beta"]) in (0.0, self.gamma):
            return None
        return super().diagnose(state)

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            "end": self.end,
            "steps": self.steps,
            "start": self.start,
            "gamma": self.gamma,
        }
