"""Formulas for backends that compile element-wise operations into one loop."""

from __future__ import annotations

from keras import ops

from hiervae.types import Tensor

MOST_FACTORS = 64
"""Factors of up to 2 whose product stays far from float32's largest number."""


def affine_map(inputs: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Return inputs (n, k) @ kernel (k, m) + bias (m,)."""
    return ops.matmul(inputs, kernel) + bias


def sum_cross_entropy(targets: Tensor, logits: Tensor) -> Tensor:
    """Return sum_i [x_i l_i - log(1 + exp(l_i))] over the last axis.

    As sum_i [x_i l_i - max(l_i, 0)] - log prod_i (1 + exp(-|l_i|)): one logarithm for up to 64
    values, each factor from 1 to 2. A factor is rounded at 2^-24, so that the sum over D values is
    right to 6e-8 D.

    Args:
        targets: x, shape (1, batch, d).
        logits: l, shape (samples, batch, d).
    """
    linear = targets * logits - ops.maximum(logits, 0.0)
    factors = 1.0 + ops.exp(-ops.abs(logits))
    size, joined = logits.shape[-1], 1
    while size % 2 == 0 and joined < MOST_FACTORS:
        size, joined = size // 2, 2 * joined
        linear = linear[..., :size] + linear[..., size:]
        factors = factors[..., :size] * factors[..., size:]
    return ops.sum(linear - ops.log(factors), axis=-1)


def largest(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest of the last axis and its position, the last one's of equal values.

    XLA looks for an `argmax` value by value on a CPU, ten times slower than this.
    """
    most = ops.max(values, axis=-1, keepdims=True)
    positions = ops.arange(values.shape[-1], dtype="float32")
    position = ops.max(ops.where(values >= most, positions, 0.0), axis=-1)
    return ops.squeeze(most, axis=-1), ops.cast(position, "int32")


def batch_normalised(
    values: Tensor, scale: Tensor, offset: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the values (n, ..., channels) normalised, and the mean and variance of each channel.

    Args:
        values: of the batch.
        scale: of each channel after its normalisation.
        offset: likewise.
        epsilon: added to the variance.
    """
    mean, variance = ops.moments(values, axes=tuple(range(len(values.shape) - 1)))
    outputs = ops.batch_normalization(
        values, mean, variance, axis=-1, offset=offset, scale=scale, epsilon=epsilon
    )
    return outputs, mean, variance
