"""The training and test step on PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from hiervae.backend.variables import gated, treats_weights_apart, without

MAX_STEPS_PER_EXECUTION = 1
DEFAULT_STEPS_PER_EXECUTION = 1


class StepAdapter:
    """`train_step` and `test_step` over parameters that are assigned in place."""

    _gates: Any = (None, ())

    def make_train_function(self: Any, force: bool = False) -> Any:
        """As Keras does; and what the gates hold is looked up anew."""
        self._gates = (None, ())
        return super().make_train_function(force=force)  # type: ignore[misc]

    def _gated_positions(self: Any) -> Any:
        """What `gated_variables` says, looked up once a `fit` and not at every eager step."""
        scheduler = self.control.scheduler
        if self._gates[0] is not scheduler:
            self._gates = (scheduler, self.gated_variables())
        return self._gates[1]

    def train_step(self: Any, data: Any) -> Any:
        """One optimiser step: differentiate, apply, hold the gated weights, record."""
        inputs, weights = self.unpack_batch(data)
        self.zero_grad()
        outcome = self.training_outcome(inputs, weights)
        self.optimizer.scale_loss(outcome["loss"]).backward()
        with torch.no_grad():
            self._apply_gradients([v.value.grad for v in self.trainable_variables], outcome)
            return self.record(outcome, training=True)

    def _apply_gradients(self: Any, gradients: list[Any], outcome: dict[str, Any]) -> None:
        """The optimiser's step; what is behind a closed gate stays where it is."""
        variables, control = self.trainable_variables, outcome["control"]
        positions = self._gated_positions()
        if _readable(control) and treats_weights_apart(self.optimizer):
            # As cheap as can be: the optimiser never hears of what is closed.
            shut = [in_model for gate, in_model, _ in positions if control[gate] <= 0]
            self.optimizer.apply(*without(shut, gradients, variables))
            return
        held = [
            (gate, [(member.value, member.value.clone()) for member in members])
            for gate, members in gated(self, positions)
        ]
        self.optimizer.apply(gradients, variables)
        for gate, values in held:
            shut = control[gate] <= 0
            for value, before in values:
                # Exact at 0 and 1, in place, and several times faster than `where`.
                value.lerp_(before, shut.to(value.dtype))

    def test_step(self: Any, data: Any) -> Any:
        """Evaluate one batch at beta = 1."""
        with torch.no_grad():
            return self.record(self.test_outcome(*self.unpack_batch(data)), training=False)


def _readable(control: dict[str, Any]) -> bool:
    """Whether Python can read the control values without waiting for a device."""
    return bool(control["beta"].device.type == "cpu")


def values_kept(model: Any) -> AbstractContextManager[None]:
    """The context in which a model is trained; variables always have their values here."""
    return nullcontext()


def compile_function(model: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function(*arrays)` without gradients."""
    return torch.no_grad()(function)


def matrix_product(first: Any, second: Any) -> Any:
    """The product of two float32 matrices, in full precision unless the user lowers PyTorch's."""
    return torch.matmul(first, second)


def with_event_shape(inputs: Any, event_shape: tuple[int, ...]) -> Any:
    """The batch itself, whose sizes are always known here."""
    return inputs
