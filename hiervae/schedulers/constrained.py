"""What GECO and REWO share: a constraint on the reconstruction error."""

from __future__ import annotations

import abc
import math
from typing import Any, ClassVar

from keras import ops

from hiervae.schedulers.base import Scheduler
from hiervae.types import Config, Signals, Tensor
from hiervae.utils.validation import (
    check_bool,
    check_number_between,
    check_positive_int,
    check_positive_number,
)


class ConstrainedScheduler(Scheduler, abc.ABC):
    """beta = 1 / lambda, the multiplier of the constraint C <= kappa^2 (Rezende & Viola 2018).

    With C-hat the running average of the reconstruction error, beta is multiplied by
    exp(nu * f * d), where the rule gives f and d is the violation of the constraint in normalised
    units, d = (C-hat - bound) / sqrt(D): both in nats over all D scalars of an example, the bound
    being D kappa^2, or kappa^2 where `per_dimension` is False. A bound given in either way moves
    beta alike, and a `nu` suits examples of any size, since the noise of a sum over D scalars
    grows with sqrt(D). A batch whose error is not finite changes nothing.

    Args:
        kappa: kappa^2 bounds the reconstruction error C, in nats (for a Gaussian of fixed
            variance: in squared errors over twice the variance).
        nu: learning rate of beta.
        alpha: decay of the running average; 0 takes each batch alone.
        beta: its start value, within the bounds of beta.
        per_dimension: kappa^2 bounds C divided by the number of scalars in an example; False
            bounds the total.
        update_every: change beta at every so many steps only.
        multiplier_bounds: lowest and highest factor of one change of beta; None leaves it to
            the bounds of beta.
        beta_bounds: lowest and highest beta; None takes the rule's own.
        normalised: False takes d as kappa is counted, C-hat / D - kappa^2 or, where
            `per_dimension` is False, C-hat - kappa^2, for a `nu` published for such a unit.

    Attributes:
        default_beta_bounds: the rule's own bounds.

    Raises:
        ValueError: if a number is out of range.
    """

    # The authors' later public code keeps lambda = 1 / beta in [1e-6, 1e8].
    default_beta_bounds: ClassVar[tuple[float, float]] = (1e-8, 1e6)

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
        normalised: bool = True,
    ) -> None:
        self.kappa = check_positive_number("kappa", kappa)
        self.nu = check_positive_number("nu", nu)
        self.alpha = check_number_between("alpha", alpha, 0.0, 1.0)
        self.beta = check_positive_number("beta", beta)
        self.per_dimension = check_bool("per_dimension", per_dimension)
        self.update_every = check_positive_int("update_every", update_every)
        self.multiplier_bounds = _check_bounds("multiplier_bounds", multiplier_bounds)
        self.beta_bounds = _check_bounds("beta_bounds", beta_bounds)
        self.normalised = check_bool("normalised", normalised)
        low, high = self.bounds
        if not low <= self.beta <= high:
            raise ValueError(
                f"beta={beta!r}: expected a start value from {low:g} to {high:g}, where "
                f"{type(self).__name__} keeps beta. Choose one, or other bounds by beta_bounds."
            )

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest beta."""
        return self.default_beta_bounds if self.beta_bounds is None else self.beta_bounds

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
        updated = ops.where(state["started"] > 0.0, running, signals.constraint)
        return ops.where(ops.isfinite(signals.constraint), updated, average)

    def started(self, state: dict[str, Tensor], signals: Signals) -> Tensor:
        """1 from the first batch on whose error is finite, else 0."""
        seen = ops.cast(ops.isfinite(signals.constraint), "float32")
        return ops.maximum(state["started"], seen)

    def violation(self, constraint: Tensor, signals: Signals) -> Tensor:
        """The violation d of the constraint by C-hat, positive where it is violated."""
        size = signals.num_dimensions
        unit = size if self.per_dimension else 1.0
        violation = constraint / unit - self.kappa**2
        return violation * (unit / math.sqrt(size)) if self.normalised else violation

    def step_beta(self, beta: Tensor, violation: Tensor, signals: Signals) -> Tensor:
        """The value of beta after this step's update."""
        exponent = self.nu * self.direction(beta, violation) * violation
        low, high = self.bounds
        # No larger change leaves a mark within the bounds, and exp() stays finite.
        widest = math.log(high / low)
        exponent = ops.clip(exponent, -widest, widest)
        if self.multiplier_bounds is not None:
            exponent = ops.clip(exponent, *map(math.log, self.multiplier_bounds))
        # Near 0, exp() of it would round most of the change away; far below, 1 + expm1() is 0.
        small = ops.abs(exponent) < 0.5
        updated = ops.where(small, beta + beta * ops.expm1(exponent), beta * ops.exp(exponent))
        updated = ops.clip(updated, low, high)
        due = ops.isfinite(signals.constraint)
        if self.update_every > 1:
            turn = ops.equal(ops.mod(signals.step, float(self.update_every)), 0.0)
            due = ops.logical_and(due, turn)
        return ops.where(due, updated, beta)

    def diagnose(self, state: dict[str, float]) -> str | None:
        """A line that names kappa, where beta has grown large."""
        if super().diagnose(state) is None:
            return None
        unit = "per scalar of an example" if self.per_dimension else "in total"
        return (
            f"beta has grown to {state['beta']:.3g}, because kappa^2 = {self.kappa**2:.3g} nats "
            f"{unit} lies above the reconstruction error, {state['constraint']:.4g} nats in "
            "total. Lower kappa or nu, or keep beta lower by beta_bounds."
        )

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
            "normalised": self.normalised,
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
