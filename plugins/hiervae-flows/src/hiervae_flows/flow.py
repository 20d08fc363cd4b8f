"""Chains of invertible steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from hiervae.types import Tensor
from keras import ops
from numpy.typing import NDArray

from hiervae_flows.steps import Step

ORDERINGS = ("reversal", "random", "same")


class Flow(keras.layers.Layer):
    """Steps one after another, each of which may see the dimensions in another order.

    The dimensions are put back after each, so that steps at the identity leave a vector as it is.

    Args:
        steps: the step nearest the latents first.
        ordering: "reversal", "random" or "same"; see `orderings`.
        size: number of dimensions d.
    """

    def __init__(self, steps: Sequence[Step], ordering: str, size: int, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.steps = list(steps)
        self._orders = orderings(ordering, size, len(self.steps))

    def build(self, input_shape: Any = None) -> None:
        """Create the weights of all steps."""
        for step in self.steps:
            step.build()

    def to_noise(self, latent: Tensor, *context: Tensor) -> tuple[Tensor, Tensor]:
        """Return u (n, d) for z (n, d), and log |det du/dz|, (n,)."""
        total: Any = 0.0
        for step, order in zip(self.steps, self._orders, strict=True):
            latent, log_det = step.to_noise(ops.take(latent, order, axis=-1), *context)
            latent = ops.take(latent, np.argsort(order).astype("int32"), axis=-1)
            total = total + log_det
        return latent, total

    def to_latent(self, noise: Tensor, *context: Tensor) -> tuple[Tensor, Tensor]:
        """Return z (n, d) for u (n, d), and log |det dz/du|, (n,)."""
        total: Any = 0.0
        for step, order in zip(reversed(self.steps), reversed(self._orders), strict=True):
            noise, log_det = step.to_latent(ops.take(noise, order, axis=-1), *context)
            noise = ops.take(noise, np.argsort(order).astype("int32"), axis=-1)
            total = total + log_det
        return noise, total


def orderings(ordering: str, size: int, number: int) -> tuple[NDArray[np.int32], ...]:
    """Return the order in which each of `number` steps sees the `size` dimensions.

    The first step sees them as they are, and so do the others with "same". With "reversal" every
    other step sees them from the end, "random" has a fixed order for each, the same in every
    process and on every backend.
    """
    same = np.arange(size, dtype="int32")
    if ordering == "same":
        return (same,) * number
    if ordering == "reversal":
        return tuple(same[::-1].copy() if index % 2 else same for index in range(number))
    others = [np.random.default_rng(index).permutation(same) for index in range(1, number)]
    return (same, *(order.astype("int32") for order in others))
