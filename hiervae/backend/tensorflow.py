"""The training and test step on TensorFlow."""

from __future__ import annotations

import abc
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, cast

import keras
import tensorflow as tf

from hiervae.backend.step import Compilable, RowFunction, SteppedModel, unpack_batch
from hiervae.backend.tensorflow_adam import apply_step
from hiervae.backend.tensorflow_devices import (
    expect_summed_gradients,
    over_replicas,
    replica_of,
    returned_logs,
    summed_gradients,
    with_metrics,
)
from hiervae.backend.variables import (
    apply_to,
    apply_to_group,
    apply_twice,
    count_closed,
    drop_positions,
    gated_variables,
    is_elementwise,
    own_count,
    step_counter,
)
from hiervae.types import Shape, Tensor
from hiervae.utils.replicas import acting_as

MAX_STEPS_PER_EXECUTION = sys.maxsize
DEFAULT_STEPS_PER_EXECUTION = 20


class StepAdapter(SteppedModel, abc.ABC):
    """`train_step` and `test_step` over variables that are assigned in place."""

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """One optimiser step: differentiate, apply, hold the gated weights."""
        inputs, weights = _unpack(data, self.event_shape)
        with acting_as(replica_of(inputs)):
            with tf.GradientTape() as tape:
                outcome = self.batch_outcome(inputs, weights, training=True)
                loss = self.optimizer.scale_loss(outcome.loss)
            gradients = summed_gradients(tape.gradient(loss, self.trainable_variables))
            expect_summed_gradients(self.optimizer)
        self._apply_gradients(gradients, outcome.control)
        return returned_logs(outcome.logs)

    def _apply_gradients(self, gradients: list[Tensor | None], control: Mapping[str, Any]) -> None:
        """The optimiser's step; what is behind a closed gate stays where it is."""
        optimizer, variables, gates = self.optimizer, self.trainable_variables, self.gates
        if not gates:
            apply_step(optimizer, gradients, variables)
            return
        if not is_elementwise(optimizer):
            apply_twice(optimizer, gates, gradients, variables, control, self.closed_steps)
            return
        gated = [index for gate in gates for index in gate.weights]
        before = tf.identity(step_counter(optimizer).value)
        free = drop_positions(gated, gradients), drop_positions(gated, variables)
        apply_to(optimizer, *free, apply_step)
        for gate in gates:
            opened = tf.convert_to_tensor(control[gate.key] > 0)
            count = own_count(before, self.closed_steps, gate)
            move = partial(apply_to_group, optimizer, gate, gradients, variables, count, apply_step)
            if tf.distribute.has_strategy():  # a branch may not wait for other replicas
                members = gated_variables(gate, variables, optimizer)
                held = [tf.identity(member.value) for member in members]
                move()
                _select(opened, members, held)
            else:  # costs nothing; selecting values would read and write every one of them
                tf.cond(opened, move, lambda: None)
            count_closed(self.closed_steps, gate, tf.logical_not(opened))

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Evaluate one batch at beta = 1."""
        inputs, weights = _unpack(data, self.event_shape)
        with acting_as(replica_of(inputs)):
            return returned_logs(self.batch_outcome(inputs, weights, training=False).logs)

    def make_train_function(self, force: bool = False) -> None:
        """Compile the training step; its logs are the metrics, also with several workers."""
        before = self.train_function
        super().make_train_function(force=force)
        if self.train_function is not before:
            self.train_function = with_metrics(self, self.train_function)

    def make_test_function(self, force: bool = False) -> None:
        """Compile the test step; its logs are the metrics, also with several workers."""
        before = self.test_function
        super().make_test_function(force=force)
        if self.test_function is not before:
            self.test_function = with_metrics(self, self.test_function)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Let Keras build what is not built; else it would average the replicas' rows of a batch.

        Replicas may have different numbers of them.
        """
        if not self.built:
            trainer: Any = super()
            trainer._maybe_symbolic_build(iterator=iterator, data_batch=data_batch)

    def predict_step(self, data: Any) -> Tensor:
        """Return the reconstruction means of one batch."""
        means: Tensor = self(_unpack(data, self.event_shape)[0], training=False)
        return means


def _unpack(data: Any, event_shape: Shape | None) -> tuple[Tensor, Tensor | None]:
    """The batch, its examples of `event_shape` where the data set does not tell their sizes.

    A batch that turns out to be of another shape ends the step with TensorFlow's error.
    """
    inputs, weights = unpack_batch(data)
    if event_shape is not None and not tf.TensorShape(inputs.shape)[1:].is_fully_defined():
        inputs = tf.ensure_shape(inputs, (None, *event_shape))
    return inputs, weights


def _select(opened: Tensor, variables: list[keras.Variable], before: list[Tensor]) -> None:
    """Keep what the variables are now, or put back what they were."""
    # A branch, because `where` would read and write every value also while the gate is open.
    values = tf.cond(
        opened, lambda: [tf.identity(variable.value) for variable in variables], lambda: before
    )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def restore_on_error(model: SteppedModel, copy: bool = False) -> AbstractContextManager[None]:
    """The context in which a model is trained; variables always have their values here.

    Raises:
        ValueError: if the model was made outside the strategy that is in scope.
    """
    return placement(model)


def placement(model: SteppedModel) -> AbstractContextManager[None]:
    """The context in which a model's variables are made: the strategy that it was made under.

    Raises:
        ValueError: if that is not the strategy in scope.
    """
    strategy = tf.distribute.get_strategy()
    made_here = strategy.extended.variable_created_in_scope(model.closed_steps.value)
    if tf.distribute.has_strategy() and not made_here:
        raise ValueError(
            f"The model is used under the scope of a {type(strategy).__name__}, but was made "
            "outside of it, so that its replicas would not share their weights; expected a model "
            "that was made there. Make and compile it inside `with strategy.scope():`."
        )
    return model.distribute_strategy.scope()


def compile_function(model: Compilable, function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function(*arrays)`, which reads the model's weights and advances its generators.

    AutoGraph, which Keras leaves out of its steps too, takes as long as all else of tracing.
    """
    return tf.function(function, reduce_retracing=True, autograph=False)


def compile_rows(model: Compilable, function: Callable[..., Any]) -> RowFunction:
    """Compile `function(*rows, *common)` of arrays with the same rows, and of others.

    It gives arrays with the rows of the first ones, which are spread over the replicas.
    """
    alone = compile_function(model, function)
    return _placed(model, over_replicas(function, alone, reduce_retracing=True))


def compile_fixed(model: Compilable, function: Callable[..., Any]) -> RowFunction:
    """As `compile_rows`, for arrays of few shapes: through XLA, where it has all operations."""
    fused = tf.function(function, jit_compile=True, autograph=False)
    plain = tf.function(function, autograph=False)
    refused: list[bool] = []

    def call(*arrays: Tensor) -> Any:
        if not refused:
            try:
                return fused(*arrays)
            except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
                refused.append(True)
        return plain(*arrays)

    return _placed(model, over_replicas(function, call))


def _placed(model: Compilable, function: RowFunction) -> RowFunction:
    """The function under the strategy that the model was made under."""

    def call(rows: Sequence[Tensor], common: Sequence[Tensor] = ()) -> Any:
        with placement(cast("SteppedModel", model)):
            return function(rows, common)

    return call


def repeat(
    model: Compilable,
    body: Callable[..., tuple[Tensor, ...]],
    state: tuple[Tensor, ...],
    count: Tensor,
) -> tuple[Tensor, ...]:
    """Return the state after `state = body(index, *state)` for each index below `count`."""
    _, finished = tf.while_loop(
        lambda index, _: index < count,
        lambda index, state: (index + 1, body(index, *state)),
        (tf.zeros((), count.dtype), state),
    )
    outcome: tuple[Tensor, ...] = finished
    return outcome


def trace(function: Callable[..., Any], *arrays: Tensor) -> None:
    """Run `function(seed, *arrays)` on tensors without values: what looks at one raises."""

    def traced(*values: Tensor) -> None:
        function(seed, *values)

    seed = keras.random.SeedGenerator(0)
    with keras.StatelessScope():
        compiled: Any = tf.function(traced, autograph=False)
        compiled.get_concrete_function(*arrays)


def has_accelerator() -> bool:
    """Whether computations run on anything but a CPU."""
    return any(device.device_type != "CPU" for device in tf.config.list_logical_devices())


def steps_wait() -> bool:
    """Whether a training step returns when all is computed, and not before."""
    return not has_accelerator()


def matrix_product(first: Tensor, second: Tensor, offset: Tensor) -> Tensor:
    """The product of two float32 matrices plus a row, in full precision on a GPU or TPU too."""
    if not has_accelerator():
        return tf.matmul(first, second) + offset
    # Float32 would be multiplied as TensorFloat-32, with three digits.
    product = tf.matmul(tf.cast(first, tf.float64), tf.cast(second, tf.float64))
    return tf.cast(product, tf.float32) + offset


def affine_map(inputs: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Return inputs (n, k) @ kernel (k, m) + bias (m,)."""
    # The gradient of `add` sums over the rows several times slower than that of `bias_add`.
    return tf.nn.bias_add(tf.matmul(inputs, kernel), bias)


def largest(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest of the last axis and its position."""
    return tf.reduce_max(values, axis=-1), tf.argmax(values, axis=-1, output_type=tf.int32)


def padded_convolution(
    inputs: Tensor,
    kernel: Tensor,
    padding: tuple[tuple[int, int], tuple[int, int]],
    offset: Tensor | None = None,
) -> Tensor:
    """Convolve images (n, h, w, channels) with a kernel (height, width, channels, filters).

    Args:
        inputs: the images.
        kernel: the weights.
        padding: zeros above and below, and on the left and on the right.
        offset: what is added to the outputs, shape (filters,).
    """
    padded = [(0, 0), *padding, (0, 0)]
    convolved: Tensor = tf.nn.conv2d(inputs, kernel, strides=1, padding=padded)
    return convolved if offset is None else tf.nn.bias_add(convolved, offset)


def keep_compiled_programs(folder: Path) -> None:
    """Do nothing: this backend keeps no compiled programs."""
