"""Levels of a value in [0, 1], and a logistic distribution over them, in [-1, 1]."""

from __future__ import annotations

from hiervae.types import Tensor
from keras import ops

UNIFORM_BOUNDS = (1e-7, 1.0 - 1e-7)
"""The resolution of a float32 uniform, whose logit stays finite."""


def place_of(value: Tensor, num_levels: int) -> Tensor:
    """Return the place in [-1, 1] of the level of each value in [0, 1].

    Level k = floor(num_levels * value), the topmost one with 1, is at 2 k / (num_levels - 1) - 1.
    """
    level = ops.clip(ops.floor(value * num_levels), 0.0, num_levels - 1.0)
    return 2.0 * level / (num_levels - 1.0) - 1.0


def nearest_place(place: Tensor, num_levels: int) -> Tensor:
    """Return the place in [-1, 1] of the level nearest to any place."""
    last = num_levels - 1.0
    level = ops.clip(ops.floor(0.5 * (place + 1.0) * last + 0.5), 0.0, last)
    return 2.0 * level / last - 1.0


def log_prob_of_place(
    place: Tensor, location: Tensor, log_scale: Tensor, num_levels: int
) -> Tensor:
    """Return the log-probability in nats of the level at each place, elementwise.

    With h = 1 / (num_levels - 1), half the distance of two levels, it is that of a logistic
    variable in [place - h, place + h]; the lowest and the highest level take the tails beyond.
    """
    half = 1.0 / (num_levels - 1.0)
    inverse_scale = ops.exp(-log_scale)
    above = (place + half - location) * inverse_scale
    below = (place - half - location) * inverse_scale
    # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), without a difference of
    # nearly equal numbers.
    lower_tail, upper_tail = -ops.softplus(-above), -ops.softplus(below)
    between = lower_tail + upper_tail + ops.log(-ops.expm1(-2.0 * half * inverse_scale))
    log_prob = ops.where(place < -1.0 + half, lower_tail, between)
    return ops.where(place > 1.0 - half, upper_tail, log_prob)


def mean_place(location: Tensor, log_scale: Tensor) -> Tensor:
    """Return the mean in [-1, 1] of a logistic variable clipped to that range, elementwise.

    The mean of its level differs by less than half the distance of two levels.
    """
    scale, inverse_scale = ops.exp(log_scale), ops.exp(-log_scale)
    low = ops.softplus((location + 1.0) * inverse_scale)
    high = ops.softplus((location - 1.0) * inverse_scale)
    return ops.clip(scale * (low - high) - 1.0, -1.0, 1.0)


def draw_at(uniform: Tensor, location: Tensor, log_scale: Tensor) -> Tensor:
    """Return where the distribution functions pass the uniform, elementwise."""
    uniform = ops.clip(uniform, *UNIFORM_BOUNDS)
    return location + ops.exp(log_scale) * (ops.log(uniform) - ops.log1p(-uniform))
