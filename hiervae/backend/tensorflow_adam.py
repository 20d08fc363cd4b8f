"""Adam on TensorFlow with one operation a weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import keras
import tensorflow as tf

from hiervae.backend.variables import adam_gradients, is_plain_adam, step_counter
from hiervae.types import Tensor


def apply_step(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[Tensor | None],
    variables: list[Any],
) -> None:
    """Take the optimiser's step, fused where that is the same."""
    if not apply_fused(optimizer, gradients, variables):
        optimizer.apply(list(gradients), variables)


def apply_fused(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[Tensor | None],
    variables: list[Any],
) -> bool:
    """Take the optimiser's step in TensorFlow's own Adam; False where that is not the same.

    Keras' has about ten operations a weight, each of which reads and writes it in full. Replicas
    take it too, each for its own copies: the two differ by 1e-5 in 1 - beta_2, and a training that
    is spread would not be that of one device.
    """
    if not is_plain_adam(optimizer) or not optimizer.built:
        return False
    if any(not _is_dense(gradient) for gradient in gradients):
        return False
    settings = cast("Any", optimizer)
    known = {id(weight): index for index, weight in enumerate(settings._trainable_variables)}
    if any(each.constraint is not None or id(each) not in known for each in variables):
        return False
    counter = step_counter(optimizer)
    step = tf.cast(counter.value + 1, tf.float32)
    rate = tf.cast(settings.learning_rate, tf.float32)
    powers = [tf.pow(tf.constant(beta), step) for beta in (settings.beta_1, settings.beta_2)]
    taken = adam_gradients(optimizer, gradients, variables)
    for gradient, variable in zip(taken, variables, strict=True):
        index = known[id(variable)]
        slots = settings._momentums[index], settings._velocities[index]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.value.handle,
            m=slots[0].value.handle,
            v=slots[1].value.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=rate,
            beta1=settings.beta_1,
            beta2=settings.beta_2,
            epsilon=settings.epsilon,
            grad=gradient,
        )
    counter.assign(counter + 1)
    return True


def _is_dense(gradient: Any) -> bool:
    """Whether this is a float32 tensor, and not the rows of one."""
    whole = tf.is_tensor(gradient) and not hasattr(gradient, "dense_shape")
    return whole and bool(gradient.dtype == tf.float32)
