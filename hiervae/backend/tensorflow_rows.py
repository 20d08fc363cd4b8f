"""Batches that TensorFlow reads: shuffled ones of arrays, and a user's for another backend."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hiervae.types import Tensor

PREFETCHED = 4
"""Batches that are gathered ahead of the step."""


def ordered_rows(
    arrays: tuple[NDArray[Any], ...],
    batch_size: int,
    order: Callable[[int], NDArray[np.int64]],
) -> Any:
    """Return a `tf.data.Dataset` of the rows of arrays in batches, in a new order in each pass.

    Python gives the numbers of the rows of each batch, TensorFlow gathers them. A data set of few
    operations, none of which TensorFlow tunes, since a pass begins with setting all of them up.

    Args:
        arrays: one or more of n rows.
        batch_size: rows of a batch; the last one may be smaller.
        order: returns n numbers in the order of the pass that begins.
    """
    number = len(arrays[0])
    kept = tuple(tf.convert_to_tensor(array) for array in arrays)
    rows = _Rows(number, batch_size, order)
    # Where all batches are whole, the compiled step knows their size.
    size = None if number % batch_size else batch_size

    def batch(index: Tensor) -> tuple[Tensor, ...]:
        numbers = tf.ensure_shape(tf.numpy_function(rows, [index], tf.int64), (size,))
        return tuple(tf.gather(array, numbers) for array in kept)

    batches = tf.data.Dataset.range(math.ceil(number / batch_size)).map(batch)
    options = tf.data.Options()
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    options.autotune.enabled = False
    return batches.with_options(options).prefetch(PREFETCHED)


def untuned(dataset: Any) -> Any:
    """Return a `tf.data.Dataset` without the thread that tunes it, unless that was asked for.

    On few cores that thread takes turns with those of JAX or PyTorch, which wait for each other in
    every operation. What the data set runs in parallel it still does, and it still reads ahead.
    """
    asked = dataset.options()
    if asked.autotune.enabled is not None:
        return dataset
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options).prefetch(2)


class _Rows:
    """The numbers of the rows of each batch; a pass begins with the batch 0, and then in order."""

    def __init__(
        self, number: int, batch_size: int, order: Callable[[int], NDArray[np.int64]]
    ) -> None:
        self._number = number
        self._batch_size = batch_size
        self._order = order
        self._numbers = np.arange(0)

    def __call__(self, index: int) -> NDArray[np.int64]:
        if index == 0:
            self._numbers = self._order(self._number)
        return self._numbers[index * self._batch_size : (index + 1) * self._batch_size]
