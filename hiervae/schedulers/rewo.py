"""REWO, the reconstruction-error-based weighting of the objective."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from hiervae.schedulers.constrained import ConstrainedScheduler
from hiervae.types import Config, Signals, Tensor
from hiervae.utils.validation import check_rate


class REWO(ConstrainedScheduler):
    """Algorithm 1 of Klushyn et al. (2019), with Eqs. 11-12 for beta.

    In the initial phase beta keeps its initial value and the prior's weights are held still. The
    phase ends for good when C-hat first falls below kappa^2. From then on
    beta_t = beta_{t-1} exp(nu f d_t), f = tanh(tau (beta - 1)) where the constraint holds and -1
    where it does not, so that training ends on the ELBO, beta = 1. The paper imposes beta in
    (0, 1] (section 2.2): a step that would overshoot 1 ends there.

    Args:
        kappa: kappa^2 bounds the reconstruction error; "auto" measures a bound, see
            `ConstrainedScheduler`.
        nu: learning rate of beta.
        tau: slope of the pull to beta = 1.
        beta: its initial value, much smaller than 1.
        **options: those of `ConstrainedScheduler`; `beta_bounds` is (1e-8, 1) by default, and
            with a higher upper bound beta may start above 1 or pass it on the way.

    Raises:
        ValueError: if a number is out of range.
    """

    gates = ("prior",)
    default_beta_bounds = (1e-8, 1.0)

    def __init__(
        self,
        kappa: float | str,
        nu: float = 1.0,
        tau: float = 3.0,
        beta: float = 1e-3,
        **options: Any,
    ) -> None:
        super().__init__(kappa, nu=nu, beta=beta, **options)
        self.tau = check_rate("tau", tau)

    def initial_state(self) -> dict[str, float]:
        """The initial phase: phase 0, the prior's gate closed."""
        return {**super().initial_state(), "phase": 0.0, "gate_prior": 0.0}

    def direction(self, beta: Tensor, violation: Tensor, signals: Signals) -> Tensor:
        """f(beta, d; tau) of Eq. 12."""
        tau = self.numbers_in(signals)["tau"]
        return ops.where(violation > 0.0, -1.0, ops.tanh(tau * (beta - 1.0)))

    def numbers(self) -> dict[str, float]:
        """Those of every such rule, and tau."""
        return {**super().numbers(), "tau": self.tau}

    def compiled_config(self) -> Config:
        """The choices, without the numbers."""
        return self.choices()

    def follow(
        self, state: dict[str, Tensor], signals: Signals, bound: Tensor | float
    ) -> dict[str, Tensor]:
        """C-hat, then the phase, then beta, in the order of Algorithm 1."""
        constraint = self.average(state, signals)
        violation = self.violation(constraint, signals, bound)
        started = self.started(state, signals)
        met = ops.where(violation < 0.0, started, 0.0)
        phase = ops.maximum(state["phase"], met)
        updated = self.step_beta(state["beta"], violation, signals)
        return {
            "beta": ops.where(phase > 0.0, updated, state["beta"]),
            "constraint": constraint,
            "started": started,
            "phase": phase,
            "gate_prior": phase,
        }

    def unfinished(self, logs: dict[str, float], num_dimensions: int) -> str | None:
        """Name the bound that was not met, with a kappa that would have been."""
        if logs["phase"] > 0.0:
            return None
        start = f"The initial phase of REWO did not end after {logs['step']:.0f} steps: "
        bound, error = self.bound(num_dimensions), logs["constraint"]
        if bound is None:
            steps, fraction = self.measurement
            if logs["step"] <= steps:
                return (
                    f"{start}the bound was still being measured, so beta was 1 and the prior was "
                    f"not trained. Train for more epochs, or measure in fewer than {steps} steps: "
                    "calibration_steps."
                )
            return (
                f"{start}the reconstruction error is {error:.4g} nats and did not fall below "
                f"{fraction:g} of the error that was measured, so beta stayed at {self.beta:g} and "
                "the prior was not trained. Train for more epochs, or raise fraction."
            )
        unit = num_dimensions if self.per_dimension else 1
        # Rounded up to two digits, so that the error reached lies below it.
        enough = _round_up(math.sqrt(max(error, bound) / unit))
        return (
            f"{start}the reconstruction error is {error:.4g} nats and did not fall below the "
            f"bound, {bound:.4g} nats (kappa {self.kappa:g}), so beta stayed at {self.beta:g} and "
            "the prior was not trained. Train for more epochs, or raise the bound: "
            f"kappa={enough:g} would have been met, kappa=auto measures one."
        )

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {**super().get_config(), "tau": self.tau}


def _round_up(value: float) -> float:
    """The next number of two digits above a positive one."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return (math.floor(value / unit) + 1) * unit
