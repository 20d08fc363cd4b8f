"""Soft free bits."""

from __future__ import annotations

from hiervae.options import (
    check_increasing,
    check_number_between,
    check_positive_int,
    check_positive_number,
)
from hiervae.schedulers import Scheduler
from hiervae.types import Config, Signals, Tensor
from keras import ops


class FreeBits(Scheduler):
    """beta is multiplied up and down so that KL stays near a rate (Chen et al. 2017, appendix).

    Where KL lies above (1 + tolerance) rate, beta is multiplied by 1 + change; where it lies below
    rate, beta is divided by it; in between beta stays. The defaults of change, tolerance and the
    highest beta are the paper's; it does not say how often beta is changed.

    Args:
        rate: the KL to keep, nats per example.
        change: relative change of beta in one update.
        tolerance: relative width of the band in which beta stays.
        update_every: steps between updates.
        beta: its initial value, within the bounds.
        beta_bounds: lowest and highest beta.

    Raises:
        ValueError: if an option is wrong.
    """

    def __init__(
        self,
        rate: float,
        change: float = 0.1,
        tolerance: float = 0.05,
        update_every: int = 1,
        beta: float = 1.0,
        beta_bounds: tuple[float, float] = (1e-6, 1.0),
    ) -> None:
        self.rate = check_positive_number("rate", rate)
        self.change = check_positive_number("change", change)
        self.tolerance = check_number_between("tolerance", tolerance, 0.0, 1e30)
        self.update_every = check_positive_int("update_every", update_every)
        low, high = self.beta_bounds = check_increasing("beta_bounds", beta_bounds, (1e-6, 1.0))
        if low <= 0.0:
            raise ValueError(
                f"beta_bounds={beta_bounds!r}: expected positive bounds, such as (1e-6, 1)."
            )
        self.beta = check_number_between("beta", beta, low, high)

    def initial_state(self) -> dict[str, float]:
        """The scalar beta alone."""
        return {"beta": self.beta}

    def update(self, state: dict[str, Tensor], signals: Signals) -> dict[str, Tensor]:
        """Compare the KL of this batch with the band; one that is not finite changes nothing."""
        beta, factor = state["beta"], 1.0 + self.change
        high = signals.kl > (1.0 + self.tolerance) * self.rate
        moved = ops.where(high, beta * factor, beta)
        moved = ops.where(signals.kl < self.rate, beta / factor, moved)
        due = ops.equal(ops.mod(signals.step, float(self.update_every)), 0.0)
        due = ops.logical_and(due, ops.isfinite(signals.kl))
        return {"beta": ops.clip(ops.where(due, moved, beta), *self.beta_bounds)}

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            "rate": self.rate,
            "change": self.change,
            "tolerance": self.tolerance,
            "update_every": self.update_every,
            "beta": self.beta,
            "beta_bounds": self.beta_bounds,
        }
