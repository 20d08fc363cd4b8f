"""Special functions and draws in `keras.ops`, for the authors of parts on all backends.

All are elementwise, in float32, and have gradients where they are smooth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from keras import ops

from hiervae import random
from hiervae.types import Tensor

__all__ = [
    "draw_gamma",
    "draw_poisson",
    "log_beta",
    "log_binomial",
    "log_gamma",
    "log_poisson",
]

_SHIFT = 8
"""From here on the series of `_correction` is exact in float32."""

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)

_GAMMA_ATTEMPTS = 8
_POISSON_ATTEMPTS = 12
_LARGE_RATE = 10.0
_LARGEST_SMALL_COUNT = 45


def log_gamma(x: Tensor) -> Tensor:
    """Return log Gamma(x) for x > 0, by Stirling's series (Abramowitz & Stegun 6.1.41).

    The error is about 1e-6, absolute below 10 and relative above.
    """
    x = ops.convert_to_tensor(x, dtype="float32")
    is_small = x < _SHIFT
    below = ops.where(is_small, x, float(_SHIFT))
    product = below
    for step in range(1, _SHIFT):
        product = product * (below + step)
    shifted = ops.where(is_small, x + _SHIFT, x)
    series = (shifted - 0.5) * ops.log(shifted) - shifted + _HALF_LOG_TWO_PI + _correction(shifted)
    return ops.where(is_small, series - ops.log(product), series)


def log_beta(a: Tensor, b: Tensor) -> Tensor:
    """Return log B(a, b) = log [Gamma(a) Gamma(b) / Gamma(a + b)] for a, b > 0.

    It keeps its digits where a or b is large, as the difference of log-gamma functions would not.
    """
    a, b = (ops.convert_to_tensor(each, dtype="float32") for each in (a, b))
    total = a + b
    result = ops.zeros_like(total)
    for step in range(_SHIFT):  # B(a, b) = B(a + 1, b + 1) (a + b)(a + b + 1) / (a b)
        result = result + ops.log((total + 2.0 * step) / (a + step))
        result = result + ops.log((total + (2.0 * step + 1.0)) / (b + step))
    small, large = ops.minimum(a, b) + _SHIFT, ops.maximum(a, b) + _SHIFT
    total = small + large
    result = result + (small - 0.5) * ops.log(small / total)
    result = result + (large - 0.5) * ops.log1p(-small / total)
    result = result - 0.5 * ops.log(total) + _HALF_LOG_TWO_PI
    return result + _correction(small) + _correction(large) - _correction(total)


def log_binomial(n: Tensor, k: Tensor) -> Tensor:
    """Return the logarithm of n choose k, for real 0 <= k <= n."""
    n, k = (ops.convert_to_tensor(each, dtype="float32") for each in (n, k))
    return -ops.log1p(n) - log_beta(n - k + 1.0, k + 1.0)


def log_poisson(count: Tensor, log_rate: Tensor) -> Tensor:
    """Return the log-probability of counts under Poisson(exp(log_rate)), nats.

    It keeps its digits where count and rate are large and near each other, as the difference
    k log m - m - log k! would not.

    Args:
        count: whole numbers k from 0.
        log_rate: logarithm of m, of a shape that goes with that of `count`.
    """
    count, log_rate = (ops.convert_to_tensor(each, dtype="float32") for each in (count, log_rate))
    return _log_poisson(count, ops.exp(log_rate), log_rate)


def _correction(x: Tensor) -> Tensor:
    """What Stirling's series adds to its leading terms, for x >= `_SHIFT`."""
    inverse = 1.0 / x
    squared = ops.square(inverse)
    return inverse * (1.0 / 12.0 - squared * (1.0 / 360.0 - squared / 1260.0))


def draw_gamma(concentration: Tensor, seed: Any) -> Tensor:
    """Draw from Gamma(concentration, 1), by the method of Marsaglia & Tsang (2000).

    Of a fixed number of proposals the first that is accepted is taken, so that the function can be
    compiled; none is with a probability below 1e-10.

    Args:
        concentration: alpha > 0, shape (n, ...).
        seed: `keras.random.SeedGenerator`.

    Returns:
        Of the shape of `concentration`, float32.
    """
    alpha = ops.convert_to_tensor(concentration, dtype="float32")
    raised = ops.where(alpha < 1.0, alpha + 1.0, alpha)
    d = raised - 1.0 / 3.0
    c = 1.0 / ops.sqrt(9.0 * d)
    normal = _several(random.normal, _GAMMA_ATTEMPTS, alpha, seed)
    uniform = 1.0 - _several(random.uniform, _GAMMA_ATTEMPTS, alpha, seed)
    cubed = (1.0 + c * normal) ** 3
    positive = ops.maximum(cubed, 1e-30)
    bound = 0.5 * ops.square(normal) + d * (1.0 - positive + ops.log(positive))
    accepted = ops.logical_and(cubed > 0.0, ops.log(uniform) < bound)
    draw = d * _first(accepted, positive, ops.ones_like(alpha))
    # Gamma(alpha) is Gamma(alpha + 1) U^(1 / alpha).
    own = 1.0 - _several(random.uniform, 1, alpha, seed)[0]
    return ops.where(alpha < 1.0, draw * ops.exp(ops.log(own) / alpha), draw)


def draw_poisson(rate: Tensor, seed: Any) -> Tensor:
    """Draw from Poisson(rate).

    Rates below 10 by inversion of the distribution function, which leaves out values with a
    probability below 1e-7; larger ones by the transformed rejection PTRS (Hörmann 1993) with a
    fixed number of proposals, all of which are refused with a probability below 1e-8.

    Args:
        rate: from 0 to 1e10, shape (n, ...).
        seed: `keras.random.SeedGenerator`.

    Returns:
        Whole numbers of the shape of `rate`, float32; from 2^24 on, the nearest that float32 holds.
    """
    rate = ops.convert_to_tensor(rate, dtype="float32")
    small = _by_inversion(ops.minimum(rate, _LARGE_RATE), seed)
    large = _by_rejection(ops.maximum(rate, _LARGE_RATE), seed)
    return ops.where(rate < _LARGE_RATE, small, large)


def _by_inversion(rate: Tensor, seed: Any) -> Tensor:
    uniform = _several(random.uniform, 1, rate, seed)[0]
    probability = ops.exp(-rate)
    below, count = probability, ops.zeros_like(rate)
    for value in range(1, _LARGEST_SMALL_COUNT):
        count = count + ops.cast(uniform >= below, "float32")
        probability = probability * rate / float(value)
        # In float32 the sum may end below the largest uniform.
        is_past = ops.logical_and(probability < 1e-9, rate < float(value))
        below = ops.where(is_past, 1.0, below)
        below = below + probability
    return count


def _by_rejection(rate: Tensor, seed: Any) -> Tensor:
    b = 0.931 + 2.53 * ops.sqrt(rate)
    a = -0.059 + 0.02483 * b
    v_r = 0.9277 - 3.6224 / (b - 2.0)
    u = _several(random.uniform, _POISSON_ATTEMPTS, rate, seed) - 0.5
    v = 1.0 - _several(random.uniform, _POISSON_ATTEMPTS, rate, seed)
    us = ops.maximum(0.5 - ops.abs(u), 1e-7)
    count = ops.floor((2.0 * a / us + b) * u + rate + 0.43)
    known = ops.maximum(count, 0.0)
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    left = ops.log(v * inverse_alpha / (a / ops.square(us) + b))
    right = _log_poisson(known, rate, ops.log(rate))
    outside = ops.logical_or(count < 0.0, ops.logical_and(us < 0.013, v > us))
    inside = ops.logical_and(us >= 0.07, v <= v_r)
    accepted = ops.logical_or(inside, ops.logical_and(left <= right, ops.logical_not(outside)))
    return _first(accepted, known, ops.floor(rate))


def _log_poisson(count: Tensor, rate: Tensor, log_rate: Tensor) -> Tensor:
    large = ops.maximum(count, float(_SHIFT))
    excess = large * _excess((rate - large) / large, log_rate - ops.log(large))
    of_large = -excess - 0.5 * ops.log(large) - _HALF_LOG_TWO_PI - _correction(large)
    small = ops.minimum(count, float(_SHIFT))
    of_small = small * log_rate - rate - log_gamma(small + 1.0)
    return ops.where(count < _SHIFT, of_small, of_large)


def _excess(ratio: Tensor, log_ratio: Tensor) -> Tensor:
    """Return r - log(1 + r) for r > -1, given log(1 + r), which has its digits where r is low."""
    near = ops.clip(ratio, -0.1, 0.1)
    series = ops.zeros_like(near)
    for power in range(9, 1, -1):
        series = 1.0 / power - near * series
    middle = ratio - ops.log1p(ops.maximum(ratio, -0.5))
    outer = ops.where(ratio < -0.5, ratio - log_ratio, middle)
    return ops.where(ops.abs(ratio) < 0.1, ops.square(near) * series, outer)


def _several(draw: Callable[..., Tensor], number: int, like: Tensor, seed: Any) -> Tensor:
    """Noise of so many times the shape of `like`, the rows of `like` innermost."""
    shape = tuple(ops.shape(like))
    noise = draw((number * shape[0], *shape[1:]), seed)
    return ops.reshape(noise, (number, *shape))


def _first(accepted: Tensor, values: Tensor, otherwise: Tensor) -> Tensor:
    """The first accepted of values along the leading axis."""
    result, missing = otherwise, ops.ones_like(otherwise, dtype="bool")
    for index in range(values.shape[0]):
        result = ops.where(ops.logical_and(missing, accepted[index]), values[index], result)
        missing = ops.logical_and(missing, ops.logical_not(accepted[index]))
    return result
