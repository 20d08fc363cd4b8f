"""The step's outcome on PyTorch without Keras: traced once into operations on tensors.

Keras' layers and operations cost more than the arithmetic of a small model. A step is a pure
function of weights, state, batch and noise, so it is recorded as a graph of PyTorch's own
operations and played back, with gradients, from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import keras
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from hiervae import random
from hiervae.backend.step import StepOutcome, SteppedModel
from hiervae.backend.torch_simplify import called_directly, simplified
from hiervae.types import Tensor
from hiervae.utils.replicas import current_replica

Draw = tuple[str, tuple[Any, ...], Any, bool]


@dataclass(frozen=True)
class Recorded:
    """A graph of one step, and what its inputs and outputs are.

    Attributes:
        function: from the tensors of `variables`, the batch and the noise to what comes out.
        variables: the tensors of weights, state and metrics.
        draws: of the noise kind, shape, seed and whether it is common to all replicas, in order.
        changed: the tensors of `variables` that a step changes, in the order of the outputs.
        control: names of the control values among the outputs.
        constants: control values that are plain numbers.
        logs: names of the logs among the outputs.
    """

    function: Callable[..., Any]
    variables: list[torch.Tensor]
    draws: list[Draw]
    changed: list[torch.Tensor]
    control: list[str]
    constants: dict[str, Any]
    logs: list[str]

    def play(self, inputs: Tensor, weights: Tensor | None) -> StepOutcome:
        """The outcome of one batch; state and metrics are advanced."""
        noise = [_drawn(*each) for each in self.draws]
        batch = [inputs] if weights is None else [inputs, weights]
        loss, *outputs = self.function(*self.variables, *batch, *noise)
        control, logs = len(self.control), len(self.control) + len(self.logs)
        if self.changed:
            with torch.no_grad():
                torch._foreach_copy_(self.changed, outputs[logs:])
        return StepOutcome(
            loss,
            {**self.constants, **dict(zip(self.control, outputs[:control], strict=True))},
            dict(zip(self.logs, outputs[control:logs], strict=True)),
        )


def _drawn(kind: str, shape: tuple[Any, ...], seed: Any, common: bool) -> Tensor:
    if kind == "normal" and type(seed) is keras.random.SeedGenerator and current_replica() is None:
        return _normal(shape, seed)
    if not common:
        return random.draw(kind, shape, seed)
    with random.common_draws():
        return random.draw(kind, shape, seed)


def _normal(shape: tuple[Any, ...], seed: keras.random.SeedGenerator) -> Tensor:
    """What `keras.random.normal` draws, without its operations on seeds, which take longer."""
    state = cast("Any", seed.state.value)
    first, count = state.tolist()
    state[1] += 1
    generator = torch.Generator(state.device)
    generator.manual_seed((first + count) & 0xFFFFFFFF)
    return torch.normal(0.0, 1.0, shape, generator=generator, device=state.device)


def trainable_tensors(model: keras.Model) -> list[tuple[keras.Variable, torch.Tensor]]:
    """The variables in training, each with its tensor, which stays the same."""
    return [(each, cast("torch.Tensor", each.value)) for each in model.trainable_variables]


class Recorder:
    """Records the steps of a model, and plays them back.

    A batch of a new form is stepped through once as Keras does it, to see what noise it draws, and
    recorded at its second coming. What cannot be recorded, such as a part with a random generator
    of its own or one that looks at values, goes on as Keras does it.

    Args:
        model: whose steps; its parts, options and objective must not change.
        training: whether training steps.
        transform: what is done to a graph, such as `torch.compile`.

    Attributes:
        trained: the trainable variables with their tensors, None before the first step.
    """

    def __init__(
        self,
        model: SteppedModel,
        training: bool,
        transform: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None,
    ) -> None:
        self._model = model
        self._training = training
        self._transform = transform
        self.trained: list[tuple[keras.Variable, torch.Tensor]] | None = None
        self._draws: dict[Any, list[Draw]] = {}
        self._recorded: dict[Any, Recorded | None] = {}

    def __call__(self, inputs: Tensor, weights: Tensor | None) -> StepOutcome:
        """The outcome of one batch."""
        if self.trained is None:
            self.trained = trainable_tensors(self._model)
        if not torch.is_tensor(inputs):
            inputs = keras.ops.convert_to_tensor(inputs)
        weights = None if weights is None else keras.ops.convert_to_tensor(weights)
        if random.is_injected():
            return self._model.batch_outcome(inputs, weights, self._training)
        replica = current_replica()
        form = (
            None if replica is None else replica.all_rows,
            *(
                None if tensor is None else (tuple(tensor.shape), tensor.dtype)
                for tensor in (inputs, weights)
            ),
        )
        if form not in self._draws:
            return self._watched(form, inputs, weights)
        if form not in self._recorded:
            self._recorded[form] = self._record(self._draws[form], inputs, weights)
        recorded = self._recorded[form]
        if recorded is None:
            return self._model.batch_outcome(inputs, weights, self._training)
        return recorded.play(inputs, weights)

    def _watched(self, form: Any, inputs: Tensor, weights: Tensor | None) -> StepOutcome:
        draws: list[Draw] = []

        def source(kind: str, shape: tuple[Any, ...], seed: Any) -> Tensor:
            common = current_replica() is None
            draws.append((kind, tuple(int(size) for size in shape), seed, common))
            return random.draw(kind, shape, seed)

        with random.draws_from(source):
            outcome = self._model.batch_outcome(inputs, weights, self._training)
        self._draws[form] = draws
        return outcome

    def _record(self, draws: list[Draw], inputs: Tensor, weights: Tensor | None) -> Recorded | None:
        """The graph of a step, or None where there can be none."""
        model = self._model
        variables = [
            *model.trainable_variables,
            *model.non_trainable_variables,
            *model.metrics_variables,
            model.rule_numbers,
        ]
        names: dict[str, Any] = {}

        def step(*tensors: torch.Tensor) -> list[Any]:
            noise = iter(tensors[len(variables) + (1 if weights is None else 2) :])
            batch = (
                tensors[len(variables)],
                None if weights is None else tensors[len(variables) + 1],
            )
            before = tensors[: len(variables)]
            mapping = list(zip(variables, before, strict=True))
            with (
                keras.StatelessScope(mapping, collect_losses=True) as scope,
                random.draws_from(lambda *_: next(noise)),
            ):
                outcome = model.batch_outcome(*batch, self._training)
            after = [scope.get_current_value(variable) for variable in variables]
            changed = [i for i, value in enumerate(after) if value is not before[i]]
            control = [k for k, value in outcome.control.items() if torch.is_tensor(value)]
            names.update(control=control, logs=list(outcome.logs), changed=changed)
            names["constants"] = {k: v for k, v in outcome.control.items() if k not in control}
            return [
                outcome.loss,
                *(outcome.control[name] for name in control),
                *outcome.logs.values(),
                # Copies, since a value may be that of another variable, which is written too.
                *(cast("Any", after[i]).detach().clone() for i in changed),
            ]

        values = [cast("torch.Tensor", variable.value) for variable in variables]
        batch = [inputs] if weights is None else [inputs, weights]
        noise = [
            torch.zeros(shape, device=cast("torch.Tensor", inputs).device) for _, shape, *_ in draws
        ]
        graph = None
        with suppress(Exception):
            graph = make_fx(step, tracing_mode="fake")(*values, *batch, *noise)
            graph = called_directly(simplified(graph, len(model.trainable_variables)))
        if graph is None:
            return None
        changed = [values[index] for index in names.pop("changed")]
        function = graph.forward if self._transform is None else self._transform(graph)
        return Recorded(function, values, draws, changed, **names)
