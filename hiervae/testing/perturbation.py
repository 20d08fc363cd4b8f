"""Weights away from where a part starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from keras import ops

AS_BUILT = "weights as built"


def standardize(weights: list[Any]) -> None:
    """Give kernels normal entries of variance 1 / fan-in, the same on every backend.

    Many parts start near a standard normal, where faults do not show; this is away from there
    without being extreme.
    """
    generator = np.random.default_rng(2)
    for weight in weights:
        shape = tuple(weight.shape)
        if len(shape) > 1:
            weight.assign(generator.standard_normal(shape) / np.sqrt(np.prod(shape[:-1])))


def settings(weights: list[Any]) -> Iterator[str]:
    """Yield the name of each setting of some weights while they have it; then put them back.

    A part starts where much is zero or one, and where a fault such as a missing square does not
    show. The noise is strongly correlated along the last axis, so that the dimensions of whatever
    the weights describe become dependent.
    """
    values = [np.asarray(ops.convert_to_numpy(weight)) for weight in weights]
    yield AS_BUILT
    if not weights:
        return
    generator = np.random.default_rng(2)
    for name, by_fan_in in (("kernels moved", True), ("weights moved", False)):
        for weight, value in zip(weights, values, strict=True):
            fan_in = np.prod(value.shape[:-1]) if by_fan_in else 1.0
            shared = generator.standard_normal((*value.shape[:-1], 1)[: value.ndim])
            own = generator.standard_normal(value.shape)
            weight.assign(value + (1.2 * shared + 0.4 * own) / np.sqrt(fan_in))
        yield name
    for weight, value in zip(weights, values, strict=True):
        weight.assign(value)
