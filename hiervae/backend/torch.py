"""The training and test step on PyTorch."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import keras
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from hiervae.backend.step import (
    Compilable,
    RowFunction,
    StepOutcome,
    SteppedModel,
    unpack_batch,
)
from hiervae.backend.torch_adam import apply_step
from hiervae.backend.torch_devices import (
    check_same_batch,
    over_processes,
    replica_of,
    start_from_first,
    summed_gradients,
)
from hiervae.backend.torch_graph import Recorder, trainable_tensors
from hiervae.backend.torch_loop import RecordedFunction
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
from hiervae.types import Tensor
from hiervae.utils.replicas import acting_as

MAX_STEPS_PER_EXECUTION = 1
DEFAULT_STEPS_PER_EXECUTION = 1


@dataclass(frozen=True)
class Recorders:
    """The recorders of a model, in what Keras does not look into.

    Attributes:
        train: that of training steps, None before the first one.
        test: that of test steps, as `train`.
        checked: whether processes were found to be given the same batches in this training.
    """

    train: Recorder | None = None
    test: Recorder | None = None
    checked: bool = False


class StepAdapter(SteppedModel, abc.ABC):
    """`train_step` and `test_step` over parameters that are assigned in place."""

    _recorders: Recorders = Recorders()

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """One optimiser step: differentiate, apply, hold the gated weights."""
        outcome = self._outcome(data, training=True)
        loss = _own(self.optimizer.scale_loss(outcome.loss))
        recorder = self._recorders.train
        known = None if recorder is None else recorder.trained
        trained = known or trainable_tensors(self)
        gradients = torch.autograd.grad(loss, [tensor for _, tensor in trained], allow_unused=True)
        with torch.no_grad():
            summed = summed_gradients(gradients)
            self._apply_gradients([variable for variable, _ in trained], summed, outcome.control)
        return outcome.logs

    def _apply_gradients(
        self,
        variables: list[keras.Variable],
        gradients: Sequence[Tensor | None],
        control: Mapping[str, torch.Tensor],
    ) -> None:
        """The optimiser's step; what is behind a closed gate stays where it is."""
        optimizer, gates = self.optimizer, self.gates
        if not gates:
            apply_step(optimizer, list(gradients), variables)
            return
        if not is_elementwise(optimizer):
            apply_twice(optimizer, gates, gradients, variables, control, self.closed_steps)
            return
        readable, closed = _readable(control), _own(self.closed_steps.value)
        shut: dict[str, Any] = {gate.key: control[gate.key] <= 0 for gate in gates}
        if readable:  # one pass for all that has taken every step
            shut = {key: bool(each) for key, each in shut.items()}
            missed = closed.tolist()
            gates = tuple(g for g in gates if missed[g.group] > 0 or shut[g.key])
        gated = [index for gate in gates for index in gate.weights]
        before = _own(step_counter(optimizer).value).clone()
        free = drop_positions(gated, gradients), drop_positions(gated, variables)
        apply_to(optimizer, *free, apply_step)
        for gate in gates:
            closed_now = shut[gate.key]
            if readable and closed_now:  # the optimiser never hears of it
                closed[gate.group] += 1
                continue
            members = [] if readable else gated_variables(gate, variables, optimizer)
            held = [_own(member.value).clone() for member in members]
            count = own_count(before, self.closed_steps, gate)
            apply_to_group(optimizer, gate, gradients, variables, count, apply_step)
            for member, value in zip(members, held, strict=True):
                # Exact at 0 and 1, in place, and several times faster than `where`.
                _own(member.value).lerp_(value, closed_now.to(value.dtype))
            if not readable:
                count_closed(self.closed_steps, gate, closed_now)

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Evaluate one batch at beta = 1."""
        with torch.no_grad():
            return self._outcome(data, training=False).logs

    def make_train_function(self, force: bool = False) -> None:
        """Let steps be recorded anew wherever Keras would compile them anew."""
        if self.train_function is None or force:
            self._recorders = replace(self._recorders, train=self._recorder(training=True))
            self.train_function = lambda batches: _numbers(self.train_step(batches[0]))
        start_from_first([*self.variables, *self.metrics_variables, *self.optimizer.variables])
        self._recorders = replace(self._recorders, checked=False)

    def make_test_function(self, force: bool = False) -> None:
        """Let steps be recorded anew wherever Keras would compile them anew."""
        if self.test_function is None or force:
            self._recorders = replace(self._recorders, test=self._recorder(training=False))
            self.test_function = lambda batches: self.test_step(batches[0])

    def _recorder(self, training: bool) -> Recorder | None:
        """One that compiles what it records where that was asked for; None to step eagerly."""
        if self.run_eagerly:
            return None
        return Recorder(self, training, torch.compile if self.jit_compile else None)

    def predict_step(self, data: Any) -> Tensor:
        """Return the reconstruction means of one batch, of which each process makes its rows."""
        inputs, _ = unpack_batch(data)
        replica = replica_of(len(inputs))
        if replica is None:
            means: Tensor = self(inputs, training=False)
            return means
        own, _ = replica.own_share(_own(inputs), None)
        return replica.joined(_own(self(own, training=False)))

    def _outcome(self, data: Any, training: bool) -> StepOutcome:
        """The outcome of one batch, by a recorded step where there is one.

        Raises:
            ValueError: if the processes were given different batches, or the weights are not one an
                example.
        """
        inputs, weights = unpack_batch(data)
        replica = replica_of(len(inputs))
        if replica is not None:
            if training and not self._recorders.checked:
                check_same_batch(_own(inputs))
                self._recorders = replace(self._recorders, checked=True)
            inputs, weights = replica.own_share(_own(inputs), cast("Any", weights))
        recorder = self._recorders.train if training else self._recorders.test
        with acting_as(replica):
            if recorder is None:
                return self.batch_outcome(inputs, weights, training=training)
            return recorder(inputs, weights)


def _numbers(logs: dict[str, Tensor]) -> dict[str, Any]:
    """Logs as what Keras makes of each in several operations, where they need not be waited for."""
    if not steps_wait():
        return logs
    return {
        name: value.item() if torch.is_tensor(value) and value.numel() == 1 else value
        for name, value in logs.items()
    }


def _own(tensor: Tensor) -> torch.Tensor:
    return cast("torch.Tensor", tensor)


def _readable(control: Mapping[str, torch.Tensor]) -> bool:
    """Whether Python can read the control values without waiting for a device."""
    return bool(control["beta"].device.type == "cpu")


def restore_on_error(model: SteppedModel, copy: bool = False) -> AbstractContextManager[None]:
    """The context in which a model is trained; variables always have their values here."""
    return nullcontext()


def placement(model: SteppedModel) -> AbstractContextManager[None]:
    """The context in which a model's variables are made; none is needed here."""
    return nullcontext()


def compile_function(model: Compilable, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function(*arrays)` without gradients."""
    return torch.no_grad()(function)


def compile_rows(model: Compilable, function: Callable[..., Any]) -> RowFunction:
    """`function(*rows, *common)` of arrays with the same rows, and of others, without gradients.

    It gives arrays with the rows of the first ones, which are spread over the processes.
    """
    return over_processes(model, function)


def compile_fixed(model: Compilable, function: Callable[..., Any]) -> RowFunction:
    """As `compile_rows`, recorded for arrays that come again."""
    return over_processes(model, RecordedFunction(model, function))


class _NoSeed(keras.random.SeedGenerator):
    """The same seed at each draw, which needs no variable."""

    def __init__(self) -> None:
        # Not Keras' own, which would create a variable.
        pass

    def next(self, ordered: bool = True) -> Any:
        """Return a seed that is no tensor."""
        return [0, 1]


def trace(function: Callable[..., Any], *arrays: Tensor) -> None:
    """Run `function(seed, *arrays)` on tensors without values: what looks at one raises."""
    with (
        keras.StatelessScope(),
        FakeTensorMode(allow_non_fake_inputs=True) as fake,
        torch.no_grad(),
    ):
        function(_NoSeed(), *(fake.from_tensor(cast("torch.Tensor", array)) for array in arrays))


def affine_map(inputs: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Return inputs (n, k) @ kernel (k, m) + bias (m,), the bias added by the product itself."""
    return torch.addmm(_own(bias), _own(inputs), _own(kernel))


def largest(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest of the last axis and its position."""
    most, position = torch.max(_own(values), dim=-1)
    return most, position


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
    # The convolution adds the zeros that are as many on both sides, without a copy of the images.
    (above, below), (left, right) = padding
    both = min(above, below), min(left, right)
    images = _own(inputs).permute(0, 3, 1, 2)
    if (above, left) != (below, right):
        width, height = (left - both[1], right - both[1]), (above - both[0], below - both[0])
        images = torch.nn.functional.pad(images, (*width, *height))
    filters = _own(kernel).permute(3, 2, 0, 1)
    bias = None if offset is None else _own(offset)
    outputs = torch.nn.functional.conv2d(images, filters, bias, padding=both)
    return outputs.permute(0, 2, 3, 1)


def batch_normalised(
    values: Tensor, scale: Tensor, offset: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the values (n, ..., channels) normalised, and the mean and variance of each channel.

    In one operation, with gradients; those of mean and variance are not kept.
    """
    channels_second = _own(values).movedim(-1, 1)
    outputs, mean, deviation = torch.native_batch_norm(
        channels_second, _own(scale), _own(offset), None, None, True, 0.0, epsilon
    )
    return outputs.movedim(1, -1), mean, deviation.pow(-2.0) - epsilon


def sum_cross_entropy(targets: Tensor, logits: Tensor) -> Tensor:
    """Return sum_i [x_i l_i - log(1 + exp(l_i))] over the last axis.

    Args:
        targets: x, shape (1, batch, d).
        logits: l, shape (samples, batch, d).
    """
    linear = _own(targets) * _own(logits)
    return torch.sum(linear - torch.nn.functional.softplus(_own(logits)), dim=-1)


def has_accelerator() -> bool:
    """Whether computations run on anything but a CPU."""
    return torch.cuda.is_available() or torch.backends.mps.is_available()


def steps_wait() -> bool:
    """Whether a training step returns when all is computed, and not before."""
    return not has_accelerator()


def matrix_product(first: Tensor, second: Tensor, offset: Tensor) -> Tensor:
    """The product of two float32 matrices plus a row, as precise as PyTorch is told to be."""
    return torch.addmm(_own(offset), _own(first), _own(second))


def keep_compiled_programs(folder: Path) -> None:
    """Do nothing: this backend keeps no compiled programs."""
