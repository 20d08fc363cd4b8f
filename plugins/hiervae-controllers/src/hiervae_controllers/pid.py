"""The controller of ControlVAE."""

from __future__ import annotations

from typing import Any

from hiervae.options import check_choice, check_increasing, check_number_between
from hiervae.schedulers import Scheduler
from hiervae.types import Config, Signals, Tensor
from keras import ops

ANTI_WINDUP = ("paper", "conditional")


class PID(Scheduler):
    """The non-linear PI controller of Shao et al. (2020), Algorithm 1, which holds KL at a target.

    With the error e = target - KL of this batch, in nats,

        P = proportional / (1 + exp(e)),    I = I - integral * e,
        beta = P + I + beta_min, kept in [beta_min, beta_max].

    I is held while the beta of the step before, unclipped, lay outside the bounds. Where I has left
    the bounds by more than P can make up for, which takes steps of `integral` * e as large as
    `proportional`, it is held for good. "conditional" holds it only where it would move further
    out, the usual form of this rule.

    Args:
        target: v_kl, nats.
        proportional: K_p, from 0.
        integral: K_i, from 0.
        beta_bounds: beta_min and beta_max.
        anti_windup: when I is held, "paper" or "conditional".

    Raises:
        ValueError: if an option is wrong.
    """

    def __init__(
        self,
        target: float,
        proportional: float = 0.01,
        integral: float = 0.0001,
        beta_bounds: tuple[float, float] = (0.0, 1.0),
        anti_windup: str = "paper",
    ) -> None:
        self.target = check_number_between("target", target, 0.0, 1e30)
        self.proportional = check_number_between("proportional", proportional, 0.0, 1e30)
        self.integral = check_number_between("integral", integral, 0.0, 1e30)
        self.beta_bounds = _check_bounds(beta_bounds)
        self.anti_windup = check_choice("anti_windup", anti_windup, ANTI_WINDUP)

    def initial_state(self) -> dict[str, float]:
        """The lowest beta, as it is and unclipped, and the integral term, 0."""
        low, _ = self.beta_bounds
        return {"beta": low, "unclipped": low, "integral": 0.0}

    def update(self, state: dict[str, Tensor], signals: Signals) -> dict[str, Tensor]:
        """One step of Algorithm 1; a KL that is not finite changes nothing."""
        low, high = self.beta_bounds
        error = self.target - signals.kl
        change = -self.integral * error
        last = state["unclipped"]
        if self.anti_windup == "paper":
            held = ops.logical_or(last < low, last > high)
        else:
            below, above = ops.logical_and(last < low, change < 0.0), last > high
            held = ops.logical_or(below, ops.logical_and(above, change > 0.0))
        integral = state["integral"] + ops.where(held, 0.0, change)
        unclipped = self.proportional * ops.sigmoid(-error) + integral + low
        updated = {
            "beta": ops.clip(unclipped, low, high),
            "unclipped": unclipped,
            "integral": integral,
        }
        known = ops.isfinite(signals.kl)
        return {key: ops.where(known, updated[key], state[key]) for key in state}

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            "target": self.target,
            "proportional": self.proportional,
            "integral": self.integral,
            "beta_bounds": self.beta_bounds,
            "anti_windup": self.anti_windup,
        }


def _check_bounds(bounds: Any) -> tuple[float, float]:
    low, high = check_increasing("beta_bounds", bounds, (0.0, 1.0))
    if low < 0.0:
        raise ValueError(f"beta_bounds={bounds!r}: expected bounds from 0, such as (0, 1).")
    return low, high
