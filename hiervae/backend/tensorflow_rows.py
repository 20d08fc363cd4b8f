"""Shuffled batches of arrays that TensorFlow gathers itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def ordered_rows(
    arrays: tuple[NDArray[Any], ...],
    batch_size: int,
    order: Callable[[int], NDArray[np.int64]],
) -> Any:
    """Return a `tf.data.Dataset` of the rows of arrays in batches, in a new order in each pass.

    Python is called once a pass, for the order; the rows are gathered by TensorFlow.

    Args:
        arrays: one or more of n rows.
        batch_size: rows of a batch; the last one may be smaller.
        order: returns n numbers in the order of the pass that begins.
    """
    number = len(arrays[0])

    def orders() -> Iterator[NDArray[np.int64]]:
        yield order(number)

    kept = tuple(tf.convert_to_tensor(array) for array in arrays)
    rows = tf.data.Dataset.from_generator(
        orders, output_signature=tf.TensorSpec((number,), tf.int64)
    )
    whole = number % batch_size == 0  # then the compiled step knows the size of its batches
    batches = rows.flat_map(
        lambda numbers: tf.data.Dataset.from_tensor_slices(numbers).batch(
            batch_size, drop_remainder=whole
        )
    ).map(
        lambda numbers: tuple(tf.gather(array, numbers) for array in kept),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    batches = batches.apply(tf.data.experimental.assert_cardinality(math.ceil(number / batch_size)))
    options = tf.data.Options()
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    return batches.with_options(options).prefetch(tf.data.AUTOTUNE)
