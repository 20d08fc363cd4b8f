"""Weights that hold those of two maps side by side, so that one product serves both.

The two maps of a gated layer, or of the mean and the log-variance of a head, are tensors of their
own in the papers. What depends on the tensor and not on its entries, such as an optimiser that
normalises gradients, asks here.
"""

from __future__ import annotations

from typing import Any

NUM_MAPS = 2


def mark_pairs(variables: Any, kernel_axis: int = -1) -> None:
    """Say that each of these weights holds two maps side by side.

    Args:
        variables: Keras variables; those of one axis (biases, factors) are halved along it.
        kernel_axis: the axis along which kernels are halved.
    """
    for variable in variables:
        variable.pair_axis = kernel_axis if len(variable.shape) > 1 else 0


def pair_axis(variable: Any) -> int | None:
    """Return the axis along which a weight holds two maps, or None if it holds one."""
    axis: int | None = getattr(variable, "pair_axis", None)
    return axis
