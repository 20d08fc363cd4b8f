"""Batch normalisation whose statistics come from the data alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from hiervae.backend import batch_normalised
from hiervae.networks.data_rows import data_rows
from hiervae.types import Tensor
from hiervae.utils.replicas import Replica, current_replica

FEWEST_ROWS = 16
"""Of so many rows and more the statistics are good enough to normalise pseudo-inputs by."""


def counts_all_rows(layer: keras.layers.Layer) -> bool:
    """Whether a layer, or one below it, keeps statistics of all rows it sees in training.

    So does a batch normalisation that is not this module's, which does not ask for `data_rows`.
    """
    return any(
        not isinstance(each, BatchNormalization)
        and any(v.name != "seed_generator_state" for v in each._non_trainable_variables)
        for each in layer._flatten_layers()
    )


class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` over the last axis, whose statistics are of data alone.

    A prior's pseudo-inputs behind the data (`hiervae.networks.data_rows`) are normalised as the
    data are, but never counted: with 500 pseudo-inputs and 100 examples the moving averages that
    evaluation uses would describe the pseudo-inputs. Behind fewer than `FEWEST_ROWS` rows, such as
    a last batch of one or two, they are normalised by the moving averages: the variance of very few
    rows may be next to nothing.

    Where several replicas train a model, the statistics are those of the global batch.
    """

    def call(self, inputs: Tensor, training: bool | None = None, mask: Any = None) -> Tensor:
        """Normalise inputs (n, ..., channels)."""
        num_rows, replica = data_rows(), current_replica()
        if not training or not self.trainable or mask is not None or self.synchronized:
            return super().call(inputs, training=training, mask=mask)
        dtype = keras.backend.result_type(self.compute_dtype, "float32")
        values = ops.cast(inputs, dtype)
        if replica is None and num_rows is None:
            scale, offset = self._affine(dtype)
            outputs, mean, variance = batch_normalised(values, scale, offset, self.epsilon)
            self._count((mean, variance), dtype)
            return ops.cast(outputs, self.compute_dtype)
        axes = tuple(range(len(inputs.shape) - 1))
        # By slices and not by a mask, under which Keras loses the axis of a single channel.
        data = values if num_rows is None else values[:num_rows]
        if replica is None:
            count = num_rows
            mean, variance = ops.moments(data, axes=axes)
        else:
            count, mean, variance = _moments_of_all(data, axes, replica)
        past = self._count((mean, variance), dtype)

        def together() -> Tensor:
            return self._normalised(values, mean, variance)

        def apart(more_mean: Tensor, more_variance: Tensor) -> Tensor:
            more = self._normalised(values[num_rows:], more_mean, more_variance)
            return ops.concatenate([self._normalised(data, mean, variance), more], axis=0)

        if num_rows is None:
            outputs = together()
        elif isinstance(count, int):
            outputs = together() if count >= FEWEST_ROWS else apart(*past)
        elif replica is None:
            outputs = ops.cond(count >= FEWEST_ROWS, together, lambda: apart(*past))
        else:
            enough = count >= FEWEST_ROWS
            present = mean, variance
            outputs = apart(*(ops.where(enough, *pair) for pair in zip(present, past, strict=True)))
        return ops.cast(outputs, self.compute_dtype)

    def _affine(self, dtype: Any) -> list[Tensor]:
        return [ops.cast(weight, dtype) for weight in (self.gamma, self.beta)]

    def _count(self, present: Sequence[Tensor], dtype: Any) -> list[Tensor]:
        """Let mean and variance enter the moving averages, and return these as they were."""
        averages = self.moving_mean, self.moving_variance
        past = [ops.cast(average, dtype) + 0.0 for average in averages]  # copies, for torch
        for average, old, new in zip(averages, past, present, strict=True):
            average.assign(old * self.momentum + new * (1.0 - self.momentum))
        return past

    def _normalised(self, values: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        scale, offset = self._affine(values.dtype)
        return ops.batch_normalization(
            values, mean, variance, axis=-1, offset=offset, scale=scale, epsilon=self.epsilon
        )


def _moments_of_all(
    values: Tensor, axes: tuple[int, ...], replica: Replica
) -> tuple[Tensor, Tensor, Tensor]:
    """Number of rows of all replicas, and mean and variance over them.

    The gradients of both reach all replicas.
    """
    rows, *middle, channels = ops.shape(values)
    own = ops.cast(ops.convert_to_tensor(rows), values.dtype)
    sums = ops.concatenate([ops.sum(values, axis=axes), ops.reshape(own, (1,))])
    shared = replica.sum_features(sums)
    count = shared[channels]
    size = count * math.prod(middle)
    mean = shared[:channels] / size
    squares = ops.sum(ops.square(values - mean), axis=axes)
    return count, mean, replica.sum_features(squares) / size
