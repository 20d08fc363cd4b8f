"""The training and test step on PyTorch."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import keras
import torch

from hiervae.backend.step import Compilable, SteppedModel, unpack_batch
from hiervae.backend.variables import drop_positions, held_variables, is_elementwise
from hiervae.types import Tensor

MAX_STEPS_PER_EXECUTION = 1
DEFAULT_STEPS_PER_EXECUTION = 1


class StepAdapter(SteppedModel, abc.ABC):
    """`train_step` and `test_step` over parameters that are assigned in place."""

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """One optimiser step: differentiate, apply, hold the gated weights."""
        inputs, weights = unpack_batch(data)
        self.zero_grad()
        outcome = self.batch_outcome(inputs, weights, training=True)
        _own(self.optimizer.scale_loss(outcome.loss)).backward()
        with torch.no_grad():
            gradients = [_own(variable.value).grad for variable in self.trainable_variables]
            self._apply_gradients(gradients, outcome.control)
        return outcome.logs

    def _apply_gradients(
        self, gradients: Sequence[Tensor], control: Mapping[str, torch.Tensor]
    ) -> None:
        """The optimiser's step; what is behind a closed gate stays where it is."""
        variables = self.trainable_variables
        if _readable(control) and is_elementwise(self.optimizer):
            # As cheap as can be: the optimiser never hears of what is closed.
            closed = [i for gate in self.gates if control[gate.key] <= 0 for i in gate.weights]
            self.optimizer.apply(
                drop_positions(closed, gradients), drop_positions(closed, variables)
            )
            return
        held = [
            (key, [(_own(member.value), _own(member.value).clone()) for member in members])
            for key, members in held_variables(self.gates, variables, self.optimizer)
        ]
        self.optimizer.apply(gradients, variables)
        for key, values in held:
            closed_now = control[key] <= 0
            for value, before in values:
                # Exact at 0 and 1, in place, and several times faster than `where`.
                value.lerp_(before, closed_now.to(value.dtype))

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Evaluate one batch at beta = 1."""
        with torch.no_grad():
            return self.batch_outcome(*unpack_batch(data), training=False).logs


def _own(tensor: Tensor) -> torch.Tensor:
    return cast("torch.Tensor", tensor)


def _readable(control: Mapping[str, torch.Tensor]) -> bool:
    """Whether Python can read the control values without waiting for a device."""
    return bool(control["beta"].device.type == "cpu")


def restore_on_error(model: keras.Model) -> AbstractContextManager[None]:
    """The context in which a model is trained; variables always have their values here."""
    return nullcontext()


def compile_function(model: Compilable, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function(*arrays)` without gradients."""
    return torch.no_grad()(function)


def matrix_product(first: Tensor, second: Tensor) -> Tensor:
    """The product of two float32 matrices, in full precision unless the user lowers PyTorch's."""
    return torch.matmul(first, second)
