"""What GECO and REWO share: a constraint on the reconstruction error."""

from __future__ import annotations

import abc
import math
from typing import Any

from keras import ops

from hiervae.schedulers.base import Scheduler
from hiervae.types import Config, Signals, Tensor
from hiervae.utils.validation import (
    check_bool,
    check_number_between,
    check_positive_int,
    check_positive_number,
)

SMALLEST_BETA = 1e-30


class ConstrainedScheduler(Scheduler, abc.ABC):
    """beta = 1 / lambda, the multiplier of the constraint C <= kappa^2 (Rezende & Viola 2018).

    With C-hat the running average of the reconstruction error and d = C-hat - kappa^2, beta is
    multiplied by exp(nu * f * d), where the rule gives f.

    Args:
        kappa: kappa^2 bounds the reconstruction error C, in nats (for a Gaussian of fixed
            variance: in squared errors over twice the variance).
        nu: learning rate of beta.
        alpha: decay of the running average; 0 takes each batch alone.
        beta: its start value.
        per_dimension: compare C divided by the number of scalars in an example with kappa^2;
            False compares the total.
        update_every: change beta at every so many steps only.
        multiplier_bounds: lowest and highest factor of one change of beta; None is unbounded.
        beta_bounds: lowest and highest beta; None bounds it by what float32 holds alone.

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(
        self,
        kappa: float,
        nu: float = 1.0,
        alpha: float = 0.99,
        beta: float = 1.0,
        per_dimension: bool = True,
        update_every: int = 1,
        multiplier_bounds: tuple[float, float] | None = None,
        beta_bounds: tuple[float, float] | None = None,
    ) -> None:
        self.kappa = check_positive_number("kappa", kappa)
        self.nu = check_positive_number("nu", nu)
        self.alpha = check_number_between("alpha", alpha, 0.0, 1.0)
        self.beta = check_positive_number("beta", beta)
        self.per_dimension = check_bool("per_dimension", per_dimension)
        self.update_every = check_positive_int("update_every", update_every)
        self.multiplier_bounds = _check_bounds("multiplier_bounds", multiplier_bounds)
        self.beta_bounds = _check_bounds("beta_bounds", beta_bounds)

    def initial_state(self) -> dict[str, float]:
        """beta, C-hat (total nats), and whether C-hat has begun."""
        return {"beta": self.beta, "constraint": 0.0, "started": 0.0}

    @abc.abstractmethod
    def direction(self, beta: Tensor, violation: Tensor) -> Tensor:
        """The factor f of the exponent, for d = `violation`."""

    def average(self, state: dict[str, Tensor], signals: Signals) -> Tensor:
        """C-hat_t = (1 - alpha) C + alpha C-hat_{t-1}, beginning at the first batch's C."""
        average = state["constraint"]
        # In this form the weights of both add up to 1 in float32 too.
        running = average + (1.0 - self.alpha) * (signals.constraint - average)
        return ops.where(state["started"] > 0.0, running, signals.constraint)

    def violation(self, constraint: Tensor, signals: Signals) -> Tensor:
        """The violation d = C-hat - kappa^2, per dimension where kappa is."""
        scale = 1.0 / signals.num_dimensions if self.per_dimension else 1.0
        return constraint * scale - self.kappa**2

    def bound(self, num_dimensions: int) -> float:
        """kappa^2, times the number of scalars in an example where kappa is per dimension."""
        return self.kappa**2 * (num_dimensions if self.per_dimension else 1)

    def step_beta(self, beta: Tensor, violation: Tensor, signals: Signals) -> Tensor:
        """The value of beta after this step's update."""
        exponent = self.nu * self.direction(beta, violation) * violation
        if self.multiplier_bounds is not None:
            exponent = ops.clip(exponent, *map(math.log, self.multiplier_bounds))
        # Near 0, exp() of it would round most of the change away; far below, 1 + expm1() is 0.
        small = ops.abs(exponent) < 0.5
        updated = ops.where(small, beta + beta * ops.expm1(exponent), beta * ops.exp(exponent))
        # From 0, or from a number that a backend takes for 0, beta would never come back.
        updated = ops.maximum(updated, SMALLEST_BETA)
        if self.beta_bounds is not None:
            updated = ops.clip(updated, *self.beta_bounds)
        if self.update_every > 1:
            due = ops.equal(ops.mod(signals.step, float(self.update_every)), 0.0)
            updated = ops.where(due, updated, beta)
        return updated

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            "kappa": self.kappa,
            "nu": self.nu,
            "alpha": self.alpha,
            "beta": self.beta,
            "per_dimension": self.per_dimension,
            "update_every": self.update_every,
            "multiplier_bounds": self.multiplier_bounds,
            "beta_bounds": self.beta_bounds,
        }


def _check_bounds(name: str, bounds: Any) -> tuple[float, float] | None:
    if bounds is None:
        return None
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        low = high = math.nan
    if not 0.0 < low < high < math.inf:
        raise ValueError(
            f"{name}={bounds!r}: expected two increasing positive numbers, such as (0.9, 1.05), or "
            "None."
        )
    return low, high
