"""Beta rules in plain Python, written down from the papers and not from the package.

Klushyn et al. (2019), "Learning Hierarchical Priors in VAEs": Algorithm 1 and Eqs. 5, 11, 12.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Settings:
    """The constants of a rule, for examples of `size` scalars."""

    kappa: float
    nu: float = 1.0
    tau: float = 3.0
    alpha: float = 0.99
    beta: float = 1e-3
    size: int = 1
    per_dimension: bool = True
    normalised: bool = True
    update_every: int = 1
    multiplier_bounds: tuple[float, float] | None = None
    beta_bounds: tuple[float, float] | None = None


@dataclass(frozen=True)
class Row:
    """What governs one step: beta, C-hat in total nats, and the phase (0 initial, 1 main)."""

    beta: float
    constraint: float
    phase: int


def clamp(value: float, bounds: tuple[float, float] | None) -> float:
    return value if bounds is None else min(max(value, bounds[0]), bounds[1])


def running_average(errors: Sequence[float], alpha: float) -> list[float]:
    """C-hat_0 = C_0; C-hat_t = (1 - alpha) C_t + alpha C-hat_{t-1}."""
    averages = [errors[0]]
    for error in errors[1:]:
        averages.append((1 - alpha) * error + alpha * averages[-1])
    return averages


def violation(average: float, settings: Settings) -> float:
    """C-hat - bound in nats over sqrt(size); not normalised, in the unit in which kappa counts."""
    if settings.normalised:
        bound = settings.kappa**2 * (settings.size if settings.per_dimension else 1)
        return (average - bound) / math.sqrt(settings.size)
    return average / (settings.size if settings.per_dimension else 1) - settings.kappa**2


def next_beta(beta: float, exponent: float, step: int, settings: Settings) -> float:
    """beta times exp(exponent), within the clamps, at the steps that are due."""
    if step % settings.update_every != 0:
        return beta
    multiplier = clamp(math.exp(min(exponent, 700.0)), settings.multiplier_bounds)
    return clamp(beta * multiplier, settings.beta_bounds)


def geco(errors: Sequence[float], settings: Settings) -> list[Row]:
    """Eq. 5: lambda_t = lambda_{t-1} exp(nu d_t), beta = 1 / lambda."""
    beta, rows = settings.beta, []
    for step, average in enumerate(running_average(errors, settings.alpha), start=1):
        difference = violation(average, settings)
        beta = next_beta(beta, -settings.nu * difference, step, settings)
        rows.append(Row(beta, average, 1))
    return rows


def rewo(errors: Sequence[float], settings: Settings) -> list[Row]:
    """Algorithm 1 with f(beta, d; tau) = (1 - H(d)) tanh(tau (beta - 1)) - H(d), beta <= 1."""
    if settings.beta_bounds is None:
        settings = replace(settings, beta_bounds=(0.0, 1.0))
    beta, initial, rows = settings.beta, True, []
    for step, average in enumerate(running_average(errors, settings.alpha), start=1):
        difference = violation(average, settings)
        if difference < 0:
            initial = False
        if not initial:
            heaviside = 1.0 if difference > 0 else 0.0
            f = (1 - heaviside) * math.tanh(settings.tau * (beta - 1)) - heaviside
            beta = next_beta(beta, settings.nu * f * difference, step, settings)
        rows.append(Row(beta, average, 0 if initial else 1))
    return rows
