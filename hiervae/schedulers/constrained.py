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
    check_rate,
)

AUTO = "auto"
LARGEST_KAPPA = 1e12
FRACTION = 0.95
CALIBRATION_STEPS = 2500


class ConstrainedScheduler(Scheduler, abc.ABC):
    """beta = 1 / lambda, the multiplier of the constraint C <= kappa^2 (Rezende & Viola 2018).

    With C-hat the running average of the reconstruction error, beta is multiplied by
    exp(nu * f * d), where the rule gives f and d is the violation of the constraint in normalised
    units, d = (C-hat - bound) / sqrt(D): both in nats over all D scalars of an example, the bound
    being D kappa^2, or kappa^2 where `per_dimension` is False. A bound given in either way moves
    beta alike, and a `nu` suits examples of any size, since the noise of a sum over D scalars
    grows with sqrt(D). A batch whose error is not finite changes nothing.

    With kappa = "auto" the bound is measured: in the first steps beta is 1, as in a plain VAE, and
    everything else of the rule, its phase and gates included, is as before the first step. The
    bound is a fraction of C-hat at the end of these steps. Then beta takes its initial value and
    the rule begins. The bound is part of the state, so it is saved and resumed.

    Args:
        kappa: kappa^2 bounds the reconstruction error C, in nats (for a Gaussian of fixed
            variance: in squared errors over twice the variance); or "auto".
        nu: learning rate of beta.
        alpha: decay of the running average; 0 takes each batch alone.
        beta: its initial value, within the bounds of beta.
        per_dimension: kappa^2 bounds C divided by the number of scalars in an example; False
            bounds the total.
        update_every: change beta at every so many steps only.
        multiplier_bounds: lowest and highest factor of one change of beta; None leaves it to
            the bounds of beta.
        beta_bounds: lowest and highest beta; None takes the rule's own.
        normalised: False takes d as kappa is counted, C-hat / D - kappa^2 or, where
            `per_dimension` is False, C-hat - kappa^2, for a `nu` published for such a unit.
        fraction: of the measured error that is the bound; with kappa = "auto" only, where None
            stands for 0.95.
        calibration_steps: training steps (batches) of the measurement; with kappa = "auto" only,
            where None stands for 2500.

    Attributes:
        default_beta_bounds: the rule's own bounds.

    Raises:
        ValueError: if a number is out of range, or `fraction` or `calibration_steps` is given
            beside a number for kappa.
    """

    # The authors' later public code keeps lambda = 1 / beta in [1e-6, 1e8].
    default_beta_bounds: ClassVar[tuple[float, float]] = (1e-8, 1e6)

    def __init__(
        self,
        kappa: float | str,
        nu: float = 1.0,
        alpha: float = 0.99,
        beta: float = 1.0,
        per_dimension: bool = True,
        update_every: int = 1,
        multiplier_bounds: tuple[float, float] | None = None,
        beta_bounds: tuple[float, float] | None = None,
        normalised: bool = True,
        fraction: float | None = None,
        calibration_steps: int | None = None,
    ) -> None:
        self.kappa = _check_kappa(kappa)
        self.nu = check_rate("nu", nu)
        self.alpha = check_number_between("alpha", alpha, 0.0, 1.0)
        self.beta = check_rate("beta", beta)
        self.per_dimension = check_bool("per_dimension", per_dimension)
        self.update_every = check_positive_int("update_every", update_every)
        self.multiplier_bounds = _check_bounds("multiplier_bounds", multiplier_bounds)
        self.beta_bounds = _check_bounds("beta_bounds", beta_bounds)
        self.normalised = check_bool("normalised", normalised)
        self.fraction = None if fraction is None else check_rate("fraction", fraction)
        self.calibration_steps = (
            None
            if calibration_steps is None
            else check_positive_int("calibration_steps", calibration_steps)
        )
        if isinstance(self.kappa, float) and (fraction, calibration_steps) != (None, None):
            raise ValueError(
                f"fraction={fraction!r} and calibration_steps={calibration_steps!r} were given "
                f'beside kappa={kappa!r}: expected them with kappa="auto" only. Leave them out, or '
                "the number."
            )
        low, high = self.bounds
        if not low <= self.beta <= high:
            raise ValueError(
                f"beta={beta!r}: expected an initial value from {low:g} to {high:g}, where "
                f"{type(self).__name__} keeps beta. Choose one, or other bounds by beta_bounds."
            )

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest beta."""
        return self.default_beta_bounds if self.beta_bounds is None else self.beta_bounds

    @property
    def measurement(self) -> tuple[int, float]:
        """Steps of the measurement of a bound, and the fraction of the error that is the bound."""
        steps = CALIBRATION_STEPS if self.calibration_steps is None else self.calibration_steps
        return steps, FRACTION if self.fraction is None else self.fraction

    def initial_state(self) -> dict[str, float]:
        """beta, C-hat (total nats), and whether C-hat has begun.

        With kappa = "auto" also the bound (total nats) and whether it was measured.
        """
        state = {"beta": self.beta, "constraint": 0.0, "started": 0.0}
        if self.kappa == AUTO:
            state |= {"beta": 1.0, "bound": 0.0, "calibrated": 0.0}
        return state

    def update(self, state: dict[str, Tensor], signals: Signals) -> dict[str, Tensor]:
        """One step of the rule, or of the measurement of its bound."""
        numbers = self.numbers_in(signals)
        if isinstance(self.kappa, float):
            return self.follow(state, signals, numbers["bound"])
        beta = ops.where(state["calibrated"] > 0.0, state["beta"], numbers["beta"])
        bound = state["bound"] / self._unit(signals)
        followed = self.follow({**state, "beta": beta}, signals, bound)
        followed |= {"bound": state["bound"], "calibrated": ops.ones_like(beta)}
        average = followed["constraint"]
        measured = {
            **state,
            "constraint": average,
            "started": followed["started"],
            "bound": numbers["fraction"] * average,
        }
        measuring = signals.step <= numbers["steps"]
        return {key: ops.where(measuring, measured[key], followed[key]) for key in followed}

    def numbers(self) -> dict[str, float]:
        """The bound and all rates and limits, as the rule computes with them."""
        steps, fraction = self.measurement
        low, high = self.bounds
        lowest, highest = self.multiplier_bounds or (1.0, 1.0)
        return {
            "bound": self.kappa**2 if isinstance(self.kappa, float) else 0.0,
            "steps": float(steps),
            "fraction": fraction,
            "beta": self.beta,
            "nu": self.nu,
            "gain": 1.0 - self.alpha,  # in this form both weights add up to 1 in float32 too
            "update_every": float(self.update_every),
            "low": low,
            "high": high,
            # No larger change leaves a mark within the bounds, and exp() stays finite.
            "widest": math.log(high / low),
            "least_change": math.log(lowest),
            "greatest_change": math.log(highest),
        }

    def choices(self) -> Config:
        """What the compiled step depends on beside `numbers`."""
        return {
            "measured": self.kappa == AUTO,
            "per_dimension": self.per_dimension,
            "normalised": self.normalised,
            "takes_turns": self.update_every > 1,
            "limits_changes": self.multiplier_bounds is not None,
        }

    @abc.abstractmethod
    def follow(
        self, state: dict[str, Tensor], signals: Signals, bound: Tensor | float
    ) -> dict[str, Tensor]:
        """The state after one step of the rule, under a bound in the unit of kappa^2."""

    @abc.abstractmethod
    def direction(self, beta: Tensor, violation: Tensor, signals: Signals) -> Tensor:
        """The factor f of the exponent, for d = `violation`."""

    def average(self, state: dict[str, Tensor], signals: Signals) -> Tensor:
        """C-hat_t = (1 - alpha) C + alpha C-hat_{t-1}, beginning at the first batch's C."""
        average = state["constraint"]
        gain = self.numbers_in(signals)["gain"]
        running = average + gain * (signals.constraint - average)
        updated = ops.where(state["started"] > 0.0, running, signals.constraint)
        return ops.where(ops.isfinite(signals.constraint), updated, average)

    def started(self, state: dict[str, Tensor], signals: Signals) -> Tensor:
        """1 from the first batch on whose error is finite, else 0."""
        seen = ops.cast(ops.isfinite(signals.constraint), "float32")
        return ops.maximum(state["started"], seen)

    def violation(self, constraint: Tensor, signals: Signals, bound: Tensor | float) -> Tensor:
        """The violation d of the constraint by C-hat, positive where it is violated."""
        unit = self._unit(signals)
        violation = constraint / unit - bound
        scale = unit / math.sqrt(signals.num_dimensions)
        return violation * scale if self.normalised else violation

    def _unit(self, signals: Signals) -> float:
        return signals.num_dimensions if self.per_dimension else 1.0

    def bound(self, num_dimensions: int) -> float | None:
        """kappa^2, times the number of scalars where kappa is per dimension; None if measured."""
        if not isinstance(self.kappa, float):
            return None
        return self.kappa**2 * (num_dimensions if self.per_dimension else 1)

    def step_beta(self, beta: Tensor, violation: Tensor, signals: Signals) -> Tensor:
        """The value of beta after this step's update."""
        numbers = self.numbers_in(signals)
        exponent = numbers["nu"] * self.direction(beta, violation, signals) * violation
        exponent = ops.clip(exponent, -numbers["widest"], numbers["widest"])
        if self.multiplier_bounds is not None:
            exponent = ops.clip(exponent, numbers["least_change"], numbers["greatest_change"])
        # Near 0, exp() of it would round most of the change away; far below, 1 + expm1() is 0.
        small = ops.abs(exponent) < 0.5
        updated = ops.where(small, beta + beta * ops.expm1(exponent), beta * ops.exp(exponent))
        updated = ops.clip(updated, numbers["low"], numbers["high"])
        due = ops.isfinite(signals.constraint)
        if self.update_every > 1:
            turn = ops.equal(ops.mod(signals.step, numbers["update_every"]), 0.0)
            due = ops.logical_and(due, turn)
        return ops.where(due, updated, beta)

    def diagnose(self, state: dict[str, float]) -> str | None:
        """A line that names kappa, where beta has grown large."""
        if super().diagnose(state) is None:
            return None
        if isinstance(self.kappa, float):
            unit = "per scalar of an example" if self.per_dimension else "in total"
            bound, name = f"kappa^2 = {self.kappa**2:.3g} nats {unit}", "kappa"
        else:
            bound, name = f"the measured bound, {state['bound']:.4g} nats in total,", "fraction"
        return (
            f"beta has grown to {state['beta']:.3g}, because {bound} lies above the "
            f"reconstruction error, {state['constraint']:.4g} nats in total. Lower {name} or nu, "
            "or keep beta lower by beta_bounds."
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
            "fraction": self.fraction,
            "calibration_steps": self.calibration_steps,
        }


def _check_kappa(kappa: Any) -> float | str:
    if isinstance(kappa, str) and kappa == AUTO:
        return AUTO
    try:
        number = check_positive_number("kappa", kappa)
    except ValueError as error:
        raise ValueError(f'{str(error).rstrip(".")}, or "auto".') from error
    if number > LARGEST_KAPPA:  # its square times the size of an example is a float32
        raise ValueError(
            f'kappa={kappa!r}: expected a positive number of at most {LARGEST_KAPPA:g}, or "auto".'
        )
    return number


def _check_bounds(name: str, bounds: Any) -> tuple[float, float] | None:
    if bounds is None:
        return None
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        low = high = math.nan
    if not 1e-30 <= low < high <= 1e30:
        raise ValueError(
            f"{name}={bounds!r}: expected two increasing positive numbers from 1e-30 to 1e30, such "
            "as (0.9, 1.05), or None."
        )
    return low, high
