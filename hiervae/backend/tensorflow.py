"""The training and test step on TensorFlow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import tensorflow as tf

from hiervae.backend.variables import gated, treats_weights_apart, without

MAX_STEPS_PER_EXECUTION = sys.maxsize
DEFAULT_STEPS_PER_EXECUTION = 20


class StepAdapter:
    """`train_step` and `test_step` over variables that are assigned in place."""

    def train_step(self: Any, data: Any) -> Any:
        """One optimiser step: differentiate, apply, hold the gated weights, record."""
        inputs, weights = self.unpack_batch(data)
        with tf.GradientTape() as tape:
            outcome = self.training_outcome(inputs, weights)
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            loss = self.optimizer.scale_loss(outcome["loss"] / replicas)
        variables = self.trainable_variables
        gradients = tape.gradient(loss, variables)
        self._apply_gradients(gradients, outcome["control"])
        return self.record(outcome, training=True)

    def _apply_gradients(self: Any, gradients: list[Any], control: dict[str, Any]) -> None:
        """The optimiser's step; what is behind a closed gate stays where it is."""
        variables, positions = self.trainable_variables, self.gated_variables()
        replicated = tf.distribute.has_strategy()
        if len(positions) == 1 and treats_weights_apart(self.optimizer) and not replicated:
            # A branch costs nothing; selecting values would read and write every one of them.
            ((gate, in_model, _),) = positions
            tf.cond(
                control[gate] > 0,
                lambda: self.optimizer.apply(gradients, variables),
                lambda: self.optimizer.apply(*without([in_model], gradients, variables)),
            )
            return
        held = [
            (gate, members, [tf.identity(member.value) for member in members])
            for gate, members in gated(self, positions)
        ]
        self.optimizer.apply(gradients, variables)
        for gate, members, before in held:
            _select(control[gate] > 0, members, before)

    def test_step(self: Any, data: Any) -> Any:
        """Evaluate one batch at beta = 1."""
        return self.record(self.test_outcome(*self.unpack_batch(data)), training=False)


def _select(opened: Any, variables: list[Any], before: list[Any]) -> None:
    """Keep what the variables are now, or put back what they were."""
    # A branch, because `where` would read and write every value also while the gate is open.
    values = tf.cond(
        opened, lambda: [tf.identity(variable.value) for variable in variables], lambda: before
    )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def values_kept(model: Any) -> AbstractContextManager[None]:
    """The context in which a model is trained; variables always have their values here."""
    return nullcontext()


def compile_function(model: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function(*arrays)`, which reads the model's weights and advances its generators."""
    return tf.function(function, reduce_retracing=True)


def matrix_product(first: Any, second: Any) -> Any:
    """The product of two float32 matrices in full precision, on a GPU or TPU too."""
    # Float32 would be multiplied as TensorFloat-32 on a GPU, with three digits.
    return tf.cast(tf.matmul(tf.cast(first, tf.float64), tf.cast(second, tf.float64)), tf.float32)


def with_event_shape(inputs: Any, event_shape: tuple[int, ...]) -> Any:
    """The batch, its examples of `event_shape` where the data set does not tell their sizes.

    A batch that turns out to be of another shape ends the step with TensorFlow's error.
    """
    if tf.TensorShape(inputs.shape)[1:].is_fully_defined():
        return inputs
    return tf.ensure_shape(inputs, (None, *event_shape))
