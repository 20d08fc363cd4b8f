"""A ratio of gamma functions."""

from __future__ import annotations

from hiervae.types import Tensor
from keras import ops

SHIFT = 4
COEFFICIENTS = (-1.0 / 8.0, 1.0 / 192.0, -1.0 / 640.0, 17.0 / 14336.0)


def log_gamma_ratio(x: Tensor) -> Tensor:
    """Log Gamma(x + 1/2) - log Gamma(x) for x >= 1/2, elementwise, with a gradient.

    Gamma(x + 1) = x Gamma(x) moves x up by `SHIFT`, where the asymptotic series of the ratio
    (Tricomi & Erdelyi 1951) is exact in float32. The difference of two log-gamma functions would
    lose all digits for large x.
    """
    shifted = x + SHIFT
    inverse = 1.0 / shifted
    ratio = 0.5 * ops.log(shifted)
    for order, coefficient in enumerate(COEFFICIENTS):
        ratio = ratio + coefficient * inverse ** (2 * order + 1)
    for step in range(SHIFT):
        ratio = ratio - ops.log1p(0.5 / (x + step))
    return ratio
