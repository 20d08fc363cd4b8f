"""The negative binomial distribution by mean m and dispersion r: variance m + m^2 / r."""

from __future__ import annotations

from typing import Any

from hiervae.math import draw_gamma, draw_poisson, log_beta
from hiervae.types import Tensor
from keras import ops

LARGEST_RATE = 1e10
"""Of those that `draw_poisson` takes."""


def log_negative_binomial(count: Tensor, log_mean: Tensor, log_dispersion: Tensor) -> Tensor:
    """Log-probability of each count, nats.

    Gamma(k + r) / (Gamma(r) k!) is 1 / ((k + r) B(k + 1, r)), which keeps its digits for large r.
    """
    dispersion = ops.exp(log_dispersion)
    ways = -ops.log(count + dispersion) - log_beta(count + 1.0, dispersion)
    odds = log_mean - log_dispersion
    return ways - dispersion * ops.softplus(odds) - count * ops.softplus(-odds)


def draw_negative_binomial(log_mean: Tensor, log_dispersion: Tensor, seed: Any) -> Tensor:
    """Draw counts: Poisson, with a gamma-distributed rate."""
    shape = draw_gamma(ops.exp(log_dispersion), seed)
    rate = shape * ops.exp(log_mean - log_dispersion)
    return draw_poisson(ops.minimum(rate, LARGEST_RATE), seed)
