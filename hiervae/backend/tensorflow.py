"""The training and test step on TensorFlow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import tensorflow as tf

from hiervae.backend.variables import gated

MAX_STEPS_PER_EXECUTION = sys.maxsize


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
        held = [
            (gate, members, [tf.identity(member.value) for member in members])
            for gate, members in gated(self, self.gated_variables())
        ]
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        for gate, members, before in held:
            _select(outcome["control"][gate] > 0, members, before)
        return self.record(outcome, training=True)

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
