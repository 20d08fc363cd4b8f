"""REWO as its authors' later public code has it."""

from __future__ import annotations

import math

from hiervae.options import (
    check_increasing,
    check_number_between,
    check_positive_int,
    check_positive_number,
)
from hiervae.schedulers import Scheduler
from hiervae.types import Config, Signals, Tensor
from keras import ops

MULTIPLIER_BOUNDS = (0.9, 1.05)
LAMBDA_BOUNDS = (1e-6, 1e8)


class LaterREWO(Scheduler):
    """REWO (Klushyn et al. 2019) with the settings of its authors' later public code.

    With lambda = 1 / beta, the running average C-hat of the constraint, in nats per scalar of an
    example, and d = C-hat - kappa^2,

        lambda = lambda * clamp(exp(-nu f d), 0.9, 1.05),
        f = -1 where d > 0, else tanh(tau (1 / lambda - 1)),

    at every `update_every`-th step, lambda kept in [1e-6, 1e8]. In the initial phase, until C-hat
    first falls below kappa^2, the loss has no KL at all: beta is 0, where the paper has a small
    one, and the prior's weights are held still.

    Args:
        kappa: kappa^2 bounds C, in nats per scalar of an example. In that code C is the negative
            log-likelihood; here it is the likelihood's reconstruction error, which is the same for
            the likelihoods that learn no scale.
        nu: learning rate of lambda.
        tau: slope of the pull to lambda = 1.
        alpha: decay of the running average.
        update_every: training steps between updates of lambda.
        beta: 1 / lambda at the end of the initial phase. It is not known of the code; 1 is ours.
        multiplier_bounds: lowest and highest factor on lambda in one update.
        lambda_bounds: lowest and highest lambda.

    Raises:
        ValueError: if an option is wrong.
    """

    gates = ("prior",)

    def __init__(
        self,
        kappa: float,
        nu: float = 1.0,
        tau: float = 100.0,
        alpha: float = 0.99,
        update_every: int = 100,
        beta: float = 1.0,
        multiplier_bounds: tuple[float, float] = MULTIPLIER_BOUNDS,
        lambda_bounds: tuple[float, float] = LAMBDA_BOUNDS,
    ) -> None:
        self.kappa = check_positive_number("kappa", kappa)
        self.nu = check_positive_number("nu", nu)
        self.tau = check_positive_number("tau", tau)
        self.alpha = check_number_between("alpha", alpha, 0.0, 1.0)
        self.update_every = check_positive_int("update_every", update_every)
        self.multiplier_bounds = _check_positive_bounds(
            "multiplier_bounds", multiplier_bounds, MULTIPLIER_BOUNDS
        )
        self.lambda_bounds = _check_positive_bounds("lambda_bounds", lambda_bounds, LAMBDA_BOUNDS)
        low, high = self.lambda_bounds
        self.beta = check_number_between("beta", beta, 1.0 / high, 1.0 / low)

    def initial_state(self) -> dict[str, float]:
        """The initial phase: beta 0, the prior's gate closed; C-hat in total nats."""
        return {
            "beta": 0.0,
            "lambda": 1.0 / self.beta,
            "constraint": 0.0,
            "started": 0.0,
            "phase": 0.0,
            "gate_prior": 0.0,
        }

    def update(self, state: dict[str, Tensor], signals: Signals) -> dict[str, Tensor]:
        """C-hat, then the phase, then lambda; an error that is not finite changes nothing."""
        error, average = signals.constraint, state["constraint"]
        running = average + (1.0 - self.alpha) * (error - average)
        average = ops.where(state["started"] > 0.0, running, error)
        violation = average / signals.num_dimensions - self.kappa**2
        phase = ops.maximum(state["phase"], ops.cast(violation < 0.0, "float32"))
        multiplier = state["lambda"]
        pull = ops.tanh(self.tau * (1.0 / multiplier - 1.0))
        exponent = -self.nu * ops.where(violation > 0.0, -1.0, pull) * violation
        low, high = map(math.log, self.multiplier_bounds)
        factor = ops.exp(ops.clip(exponent, low, high))
        turn = ops.equal(ops.mod(signals.step, float(self.update_every)), 0.0)
        due = ops.logical_and(turn, phase > 0.0)
        moved = ops.clip(multiplier * factor, *self.lambda_bounds)
        multiplier = ops.where(due, moved, multiplier)
        updated = {
            "beta": phase / multiplier,
            "lambda": multiplier,
            "constraint": average,
            "started": ops.ones_like(average),
            "phase": phase,
            "gate_prior": phase,
        }
        known = ops.isfinite(error)
        return {key: ops.where(known, updated[key], state[key]) for key in state}

    def bound(self, num_dimensions: int) -> float | None:
        """kappa^2 times the number of scalars."""
        return self.kappa**2 * num_dimensions

    def unfinished(self, logs: dict[str, float], num_dimensions: int) -> str | None:
        """Name the bound that was not met."""
        if logs["phase"] > 0.0:
            return None
        return (
            f"The initial phase of rewo_later did not end after {logs['step']:.0f} steps: the "
            f"reconstruction error is {logs['constraint']:.4g} nats and did not fall below the "
            f"bound, {self.bound(num_dimensions):.4g} nats (kappa {self.kappa:g}), so the loss had "
            "no KL and the prior was not trained. Train for more epochs, or raise kappa."
        )

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            "kappa": self.kappa,
            "nu": self.nu,
            "tau": self.tau,
            "alpha": self.alpha,
            "update_every": self.update_every,
            "beta": self.beta,
            "multiplier_bounds": self.multiplier_bounds,
            "lambda_bounds": self.lambda_bounds,
        }


def _check_positive_bounds(
    name: str, bounds: tuple[float, float], example: tuple[float, float]
) -> tuple[float, float]:
    low, high = check_increasing(name, bounds, example)
    if low <= 0.0:
        raise ValueError(f"{name}={bounds!r}: expected positive bounds, such as {example}.")
    return low, high
