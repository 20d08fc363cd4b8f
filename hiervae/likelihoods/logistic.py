"""The logistic distribution over levels of grey."""

from __future__ import annotations

from typing import Any

from keras import ops

from hiervae import random
from hiervae.likelihoods.greys import grey_of, level_of
from hiervae.types import Tensor

# The resolution of a float32 uniform: its logit stays finite.
UNIFORM_BOUNDS = (1e-7, 1.0 - 1e-7)


def log_prob_of_level(
    level: Tensor, location: Tensor, log_scale: Tensor, num_levels: int
) -> Tensor:
    """Return the log-probability in nats of each level, elementwise.

    Level k of 256 has sigmoid(((k + 1) / 256 - m) / s) - sigmoid((k / 256 - m) / s); the lowest and
    the highest take the whole tail beyond them (Tomczak & Welling 2018).
    """
    inverse_scale, width = ops.exp(-log_scale), 1.0 / num_levels
    above = ((level + 1.0) * width - location) * inverse_scale
    below = (level * width - location) * inverse_scale
    # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)) has no difference of
    # nearly equal numbers; without b it is the lower tail, without a the upper one.
    lower_tail, upper_tail = -ops.softplus(-above), -ops.softplus(below)
    between = lower_tail + upper_tail + ops.log(-ops.expm1(-width * inverse_scale))
    log_prob = ops.where(ops.equal(level, 0.0), lower_tail, between)
    return ops.where(ops.equal(level, num_levels - 1.0), upper_tail, log_prob)


def mean_grey(location: Tensor, log_scale: Tensor, num_levels: int) -> Tensor:
    """Return the mean of the greys that stand for the levels, elementwise.

    It is the sum over k of P(level >= k), over 255 with 256 levels, and differs from the location
    near the ends of the range, where a level holds a whole tail.
    """
    inverse_scale = ops.exp(-log_scale)

    def add(level: Any, total: Tensor) -> Tensor:
        edge = ops.cast(level, "float32") / num_levels
        return total + ops.sigmoid((location - edge) * inverse_scale)

    total = ops.fori_loop(1, num_levels, add, ops.zeros_like(location))
    return grey_of(total, num_levels)


def grey_at(uniform: Tensor, location: Tensor, log_scale: Tensor, num_levels: int) -> Tensor:
    """Return the grey at which the distribution function passes the uniform, elementwise."""
    uniform = ops.clip(uniform, *UNIFORM_BOUNDS)
    logistic = location + ops.exp(log_scale) * (ops.log(uniform) - ops.log1p(-uniform))
    return grey_of(level_of(logistic, num_levels), num_levels)


def draw_grey(location: Tensor, log_scale: Tensor, num_levels: int, seed: Any) -> Tensor:
    """Draw the grey of a level for each location."""
    uniform = random.uniform(ops.shape(location), seed)
    return grey_at(uniform, location, log_scale, num_levels)
