"""The training and test step on JAX."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import keras

MAX_STEPS_PER_EXECUTION = sys.maxsize
DEFAULT_STEPS_PER_EXECUTION = 20


def _mapped(variables: list[Any], values: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(variables, values, strict=True))


def _current(scope: keras.StatelessScope, variables: list[Any]) -> list[Any]:
    return [scope.get_current_value(variable) for variable in variables]


class StepAdapter:
    """`train_step` and `test_step` as pure functions of the model's state."""

    def train_step(self: Any, state: Any, data: Any) -> Any:
        """One optimiser step: differentiate, apply, hold the gated weights, record."""
        trainable, non_trainable, optimizer, metrics = state
        inputs, weights = self.unpack_batch(data)

        def objective(trainable: Any) -> Any:
            mapping = _mapped(self.trainable_variables, trainable)
            mapping += _mapped(self.non_trainable_variables, non_trainable)
            with keras.StatelessScope(mapping, collect_losses=True) as scope:
                outcome = self.training_outcome(inputs, weights)
            with keras.StatelessScope(_mapped(self.optimizer.variables, optimizer)):
                loss = self.optimizer.scale_loss(outcome["loss"])
            return loss, (outcome, _current(scope, self.non_trainable_variables))

        gradients, (outcome, non_trainable) = jax.grad(objective, has_aux=True)(trainable)
        moved, stepped = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        for gate, in_model, in_optimizer in self.gated_variables():
            opened = outcome["control"][gate] > 0
            for new, old, indices in (
                (moved, trainable, in_model),
                (stepped, optimizer, in_optimizer),
            ):
                for index in indices:
                    new[index] = jax.numpy.where(opened, new[index], old[index])
        logs, metrics = self._record(metrics, outcome, training=True)
        return logs, (moved, non_trainable, stepped, metrics)

    def test_step(self: Any, state: Any, data: Any) -> Any:
        """Evaluate one batch at beta = 1."""
        trainable, non_trainable, metrics = state
        inputs, weights = self.unpack_batch(data)
        mapping = _mapped(self.trainable_variables, trainable)
        mapping += _mapped(self.non_trainable_variables, non_trainable)
        with keras.StatelessScope(mapping, collect_losses=True) as scope:
            outcome = self.test_outcome(inputs, weights)
        non_trainable = _current(scope, self.non_trainable_variables)
        logs, metrics = self._record(metrics, outcome, training=False)
        return logs, (trainable, non_trainable, metrics)

    def _record(self: Any, metrics: Any, outcome: Any, training: bool) -> Any:
        with keras.StatelessScope(_mapped(self.metrics_variables, metrics)) as scope:
            logs = self.record(outcome, training)
        return logs, _current(scope, self.metrics_variables)


@contextmanager
def values_kept(model: Any) -> Iterator[None]:
    """Keep the values of a model whose training ends with an error in its first step.

    Keras takes the values out of the variables while it trains, and puts back those of the last
    step; an error (or an interrupt) while the first step is compiled would leave none at all.
    """
    variables = [*model.variables, *model.metrics_variables]
    if getattr(model, "optimizer", None) is not None:  # absent before the first `compile`
        variables += model.optimizer.variables
    kept = [(variable, variable.value) for variable in variables]
    try:
        yield
    except BaseException:
        for variable, value in kept:
            if not _has_value(variable):
                variable.assign(value)
        raise


def _has_value(variable: Any) -> bool:
    try:
        return variable.value is not None
    except TypeError:  # Keras asks an initialiser that is long gone
        return False


def compile_function(model: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function(*arrays)`, which reads the model's weights and advances its generators."""

    def pure(values: Any, arrays: Any) -> Any:
        with keras.StatelessScope(_mapped(model.variables, values)) as scope:
            outputs = function(*arrays)
        return outputs, _current(scope, model.generator_states)

    compiled = jax.jit(pure)

    def call(*arrays: Any) -> Any:
        values = [variable.value for variable in model.variables]
        outputs, states = compiled(values, arrays)
        for variable, value in zip(model.generator_states, states, strict=True):
            variable.assign(value)
        return outputs

    return call


def matrix_product(first: Any, second: Any) -> Any:
    """The product of two float32 matrices in full precision, on a GPU or TPU too."""
    return jax.numpy.matmul(first, second, precision="highest")


def with_event_shape(inputs: Any, event_shape: tuple[int, ...]) -> Any:
    """The batch itself, whose sizes are always known here."""
    return inputs
