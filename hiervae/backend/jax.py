"""The training and test step on JAX."""

from __future__ import annotations

import abc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import jax
import keras
from jax.sharding import NamedSharding
from keras import ops
from numpy.typing import NDArray

from hiervae.backend.jax_devices import (
    batch_sharding,
    everywhere,
    hidden_from_keras,
    in_force,
    spread,
)
from hiervae.backend.jax_draws import in_few_sizes
from hiervae.backend.jax_filling import Filling
from hiervae.backend.jax_loop import FusedSteps, place_examples
from hiervae.backend.step import (
    Compilable,
    Examples,
    RowFunction,
    StepOutcome,
    SteppedModel,
    unpack_batch,
)
from hiervae.backend.variables import position_of, step_counter
from hiervae.types import Tensor

MAX_STEPS_PER_EXECUTION = sys.maxsize
DEFAULT_STEPS_PER_EXECUTION = 20

Values: TypeAlias = list[Tensor]
Logs: TypeAlias = dict[str, Tensor]


def _mapped(
    variables: Sequence[keras.Variable], values: Sequence[Tensor]
) -> list[tuple[keras.Variable, Tensor]]:
    return list(zip(variables, values, strict=True))


def _current(scope: keras.StatelessScope, variables: Sequence[keras.Variable]) -> Values:
    return [scope.get_current_value(variable) for variable in variables]


class StepAdapter(SteppedModel, abc.ABC):
    """`train_step` and `test_step` as pure functions of the model's state."""

    _numbers_given: Tensor | None = None
    _filling: Filling | None = None
    _counts_all_rows: bool | None = None

    @property
    def _fuses_steps(self) -> bool:
        """Whether steps are fused here; Keras' own loop runs them one by one.

        So it does the steps of a subclass, which may log more than the metrics' values.
        """
        kind = type(self)
        own = kind.train_step, kind.test_step
        usual = own == (StepAdapter.train_step, StepAdapter.test_step)
        return usual and bool(self.jit_compile) and not self.run_eagerly

    def make_train_function(self, force: bool = False) -> Any:
        """Compile the steps of one call, as many as `steps_per_execution`, into one program."""
        if not self._fuses_steps:
            return super().make_train_function(force=force)
        if self.train_function is None or force:
            self.train_function = self._fused(self.train_step, lambda: self.feeds.train, True)
        return None

    def make_test_function(self, force: bool = False) -> Any:
        """As `make_train_function`, for few sizes of a batch; a new pass over data begins."""
        if not self._fuses_steps:
            return super().make_test_function(force=force)
        if self.test_function is None or force or self._filling is None:
            self._counts_all_rows = None
            # A loss that a layer adds may depend on all rows, so that no more of them may come in.
            self._filling = Filling(
                lambda: self.feeds.test_rows, lambda: self._counts_all_rows is False
            )
            self.test_function = self._fused(
                self.test_step, lambda: self.feeds.test, False, self._filling
            )
        self._filling.begin()
        return None

    def placed(
        self, inputs: NDArray[Any], weights: NDArray[Any] | None, training: bool = True
    ) -> Examples | None:
        """Copies of the arrays on the device, where steps are fused and there is room for them.

        The steps are compiled for each number of rows there. What the test step alone takes is
        copied to accelerators only, and filled up to few numbers of rows.
        """
        if not self._fuses_steps or not (training or has_accelerator()):
            return None
        return place_examples(inputs, weights, few=not training)

    def _fused(
        self,
        step: Callable[..., Any],
        examples: Callable[[], Examples | None],
        differentiates: bool,
        filling: Filling | None = None,
    ) -> FusedSteps:
        def logs_of(metrics: Sequence[Tensor]) -> Logs:
            with keras.StatelessScope(_mapped(self.metrics_variables, metrics)):
                logs: Logs = self.get_metrics_result()
            return logs

        def step_by(state: Any, data: Any, numbers: Tensor) -> Any:
            self._numbers_given = numbers
            try:
                return step(state, data)
            finally:
                self._numbers_given = None

        number = int(self.steps_per_execution)
        return FusedSteps(
            step_by,
            logs_of,
            number,
            examples,
            lambda: self.rule_numbers.value,
            differentiates,
            filling,
        )

    def train_step(
        self, state: tuple[Values, Values, Values, Values], data: Any
    ) -> tuple[Logs, tuple[Values, Values, Values, Values]]:
        """One optimiser step: differentiate, apply, hold the gated weights."""
        trainable, non_trainable, optimizer, metrics = state
        inputs, weights = unpack_batch(data)

        def objective(trainable: Values) -> tuple[Tensor, tuple[Any, Logs, Values, Values]]:
            outcome, updated, recorded = self._stateless_outcome(
                trainable, non_trainable, metrics, inputs, weights, training=True
            )
            with keras.StatelessScope(_mapped(self.optimizer.variables, optimizer)):
                loss = self.optimizer.scale_loss(outcome.loss)
            return loss, (outcome.control, outcome.logs, updated, recorded)

        gradients, (control, logs, updated, recorded) = jax.grad(objective, has_aux=True)(trainable)
        moved, stepped = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        counter = position_of(step_counter(self.optimizer), self.optimizer.variables)
        closed = position_of(self.closed_steps, self.non_trainable_variables)
        for gate in self.gates:
            # As if the group had an optimiser of its own; XLA drops what it computes for others.
            own = list(optimizer)
            count = optimizer[counter] - updated[closed][gate.group]
            own[counter] = ops.cast(ops.maximum(count, 0), self.optimizer.variables[counter].dtype)
            own_moved, own_stepped = self.optimizer.stateless_apply(own, gradients, trainable)
            opened = control[gate.key] > 0
            for new, mine, old, indices in (
                (moved, own_moved, trainable, gate.weights),
                (stepped, own_stepped, optimizer, gate.slots),
            ):
                for index in indices:
                    new[index] = jax.numpy.where(opened, mine[index], old[index])
            missed = jax.numpy.where(opened, 0, stepped[counter] - optimizer[counter])
            here = ops.equal(ops.arange(len(updated[closed])), gate.group)
            updated[closed] = updated[closed] + ops.where(here, ops.cast(missed, "int32"), 0)
        return logs, (moved, updated, stepped, recorded)

    def test_step(
        self, state: tuple[Values, Values, Values], data: Any
    ) -> tuple[Logs, tuple[Values, Values, Values]]:
        """Evaluate one batch at beta = 1."""
        trainable, non_trainable, metrics = state
        outcome, updated, recorded = self._stateless_outcome(
            trainable, non_trainable, metrics, *unpack_batch(data), training=False
        )
        return outcome.logs, (trainable, updated, recorded)

    def _stateless_outcome(
        self,
        trainable: Values,
        non_trainable: Values,
        metrics: Values,
        inputs: Tensor,
        weights: Tensor | None,
        training: bool,
    ) -> tuple[StepOutcome, Values, Values]:
        """The step's outcome, and the non-trainable and metric variables after it."""
        mapping = _mapped(self.trainable_variables, trainable)
        mapping += _mapped(self.non_trainable_variables, non_trainable)
        mapping += _mapped(self.metrics_variables, metrics)
        if self._numbers_given is not None:
            mapping.append((self.rule_numbers, self._numbers_given))
        with keras.StatelessScope(mapping, collect_losses=True) as scope:
            of_weights = len(self.losses)
            outcome = self.batch_outcome(inputs, weights, training)
            if not training:
                # A loss that a layer adds, or a metric of a subclass, sees what was filled up too.
                known = {"loss", "step_metrics"}
                more = [metric for metric in self.metrics if metric.name not in known]
                self._counts_all_rows = len(self.losses) > of_weights or bool(more)
        updated = _current(scope, self.non_trainable_variables)
        return outcome, updated, _current(scope, self.metrics_variables)


@contextmanager
def restore_on_error(model: SteppedModel, copy: bool = False) -> Iterator[None]:
    """The context in which a model is trained or evaluated; an error leaves it as it was.

    Batches are spread over the devices here and not by Keras, see `hidden_from_keras`. Keras takes
    the values out of the variables while it works, and puts them back at the end; an error (or an
    interrupt) on the way would leave none at all.

    Args:
        model: whose values to keep.
        copy: keep copies, where the step may take the values' memory and the error come within it.
    """
    _put_back(model)
    variables = [*model.variables, *model.metrics_variables]
    if getattr(model, "optimizer", None) is not None:  # absent before the first `compile`
        variables += model.optimizer.variables
    kept = [(variable, variable.value) for variable in variables if _has_value(variable)]
    if copy:
        kept = [(variable, jax.numpy.copy(value)) for variable, value in kept]
    try:
        with hidden_from_keras():
            yield
    except BaseException:
        _put_back(model)
        for variable, value in kept:
            if not _has_value(variable):
                variable.assign(value)
        raise


def _put_back(model: keras.Model) -> None:
    """Let Keras put back the values of the last step, where it still has them."""
    with suppress(RuntimeError, ValueError):  # those of arrays whose memory was taken
        model.jax_state_sync()


def _has_value(variable: keras.Variable) -> bool:
    try:
        value: Any = variable.value
    except TypeError:  # Keras asks an initialiser that is long gone
        return False
    return value is not None and not value.is_deleted()


@contextmanager
def placement(model: SteppedModel) -> Iterator[None]:
    """The context in which a model's variables are made: the distribution, if there is one."""
    with in_force(), in_few_sizes():
        yield


def compile_function(model: Compilable, function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function(*arrays)`, which reads the model's weights and advances its generators."""

    def pure(
        sharding: NamedSharding | None, values: Values, arrays: tuple[Tensor, ...]
    ) -> tuple[Any, Values]:
        arrays = spread(arrays, sharding)
        with keras.StatelessScope(_mapped(model.variables, values)) as scope:
            outputs = function(*arrays)
        # Else a process could not read the rows that lie on another's devices.
        return everywhere((outputs, _current(scope, model.generator_states)), sharding)

    compiled = jax.jit(pure, static_argnums=0)

    def call(*arrays: Tensor) -> Any:
        values = [variable.value for variable in model.variables]
        outputs, states = compiled(batch_sharding(), values, arrays)
        for variable, value in zip(model.generator_states, states, strict=True):
            variable.assign(value)
        return outputs

    return call


def compile_rows(model: Compilable, function: Callable[..., Any]) -> RowFunction:
    """Compile `function(*rows, *common)` of arrays with the same rows, and of others.

    It gives arrays with the rows of the first ones, which are spread over the devices.
    """
    compiled = compile_function(model, function)
    return lambda rows, common=(): compiled(*rows, *common)


compile_fixed = compile_rows


def repeat(
    model: Compilable,
    body: Callable[..., tuple[Tensor, ...]],
    state: tuple[Tensor, ...],
    count: Tensor,
) -> tuple[Tensor, ...]:
    """Return the state after `state = body(index, *state)` for each index below `count`."""
    variables = list(model.variables)
    values = [variable.value for variable in variables]
    generators = list(model.generator_states)

    def step(index: Tensor, carried: tuple[Values, tuple[Tensor, ...]]) -> Any:
        advanced, state = carried
        mapping = [*_mapped(variables, values), *_mapped(generators, advanced)]
        with keras.StatelessScope(mapping) as scope:
            state = body(index, *state)
        return _current(scope, generators), state

    start = [generator.value for generator in generators], state
    advanced, outcome = jax.lax.fori_loop(0, count, step, start)
    for generator, value in zip(generators, advanced, strict=True):
        generator.assign(value)
    finished: tuple[Tensor, ...] = outcome
    return finished


def trace(function: Callable[..., Any], *arrays: Tensor) -> None:
    """Run `function(seed, *arrays)` on tensors without values: what looks at one raises."""

    def traced(*values: Tensor) -> None:
        function(seed, *values)

    seed = keras.random.SeedGenerator(0)
    with keras.StatelessScope():
        jax.eval_shape(traced, *arrays)


def has_accelerator() -> bool:
    """Whether computations run on anything but a CPU."""
    return jax.default_backend() != "cpu"


def steps_wait() -> bool:
    """Whether a training step returns when all is computed, and not before."""
    return False


def matrix_product(first: Tensor, second: Tensor, offset: Tensor) -> Tensor:
    """The product of two float32 matrices plus a row, in full precision on a GPU or TPU too."""
    product: Tensor = jax.numpy.matmul(first, second, precision="highest")
    return product + offset


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
    # Zeros that come before the convolution would be convolved with its gradient too.
    convolved: Tensor = jax.lax.conv_general_dilated(
        inputs, kernel, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return convolved if offset is None else convolved + offset


def keep_compiled_programs(folder: Path) -> None:
    """Keep what is compiled from here on in a folder, for later processes.

    A folder that JAX was told of already stays.
    """
    if jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
