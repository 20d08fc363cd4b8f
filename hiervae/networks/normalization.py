"""Batch normalisation whose statistics come from the data alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from hiervae.types import Tensor

_data_rows: Any = None


@contextmanager
def statistics_of_first(num_rows: Any) -> Iterator[None]:
    """Let batch normalisation take its statistics from the first `num_rows` rows, within.

    An inference scheme encodes a prior's pseudo-inputs behind the batch, in one pass. They are
    normalised as the data are, but never counted: with 500 pseudo-inputs and 100 examples the
    moving averages that evaluation uses would describe the pseudo-inputs.
    """
    global _data_rows
    previous, _data_rows = _data_rows, num_rows
    try:
        yield
    finally:
        _data_rows = previous


class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` over the last axis, with `statistics_of_first`."""

    def call(self, inputs: Tensor, training: bool | None = None, mask: Any = None) -> Tensor:
        """Normalise inputs (n, ..., channels)."""
        if not training or not self.trainable or mask is not None or _data_rows is None:
            return super().call(inputs, training=training, mask=mask)
        # By slices and not by a mask, under which Keras loses the axis of a single channel.
        values = ops.cast(inputs, "float32")
        axes = tuple(range(len(inputs.shape) - 1))
        mean, variance = ops.moments(values[:_data_rows], axes=axes, synchronized=self.synchronized)
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + value * (1.0 - self.momentum))
        outputs = ops.batch_normalization(
            values,
            mean,
            variance,
            axis=-1,
            offset=self.beta,
            scale=self.gamma,
            epsilon=self.epsilon,
        )
        return ops.cast(outputs, self.compute_dtype)
