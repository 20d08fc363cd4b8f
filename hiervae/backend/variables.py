"""The variables behind the gates, for the backends that assign in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

import keras
from keras import ops

from hiervae.backend.step import Gate
from hiervae.types import Tensor

_ADAM: type[Any] = type(keras.optimizers.Adam())  # Keras has one of its own on torch
T = TypeVar("T")
Apply: TypeAlias = Callable[[Any, list[Any], list[Any]], None]


def step_counter(optimizer: keras.optimizers.Optimizer) -> keras.Variable:
    """The variable in which an optimiser, or the one it wraps, counts its steps."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return next(variable for variable in inner.variables if variable.name == "iteration")


def position_of(variable: keras.Variable, variables: Sequence[keras.Variable]) -> int:
    """Where a variable is among others."""
    return next(index for index, each in enumerate(variables) if each is variable)


def gated_variables(
    gate: Gate, trainable: Sequence[keras.Variable], optimizer: keras.optimizers.Optimizer
) -> list[keras.Variable]:
    """All that a gate holds, weights and optimiser slots."""
    held = [trainable[i] for i in gate.weights]
    return held + [optimizer.variables[i] for i in gate.slots]


def is_elementwise(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether leaving some weights out of a step changes nothing for the others and their slots."""
    wraps = hasattr(optimizer, "inner_optimizer")  # scales all gradients, and counts the finite
    alone = optimizer.global_clipnorm is None if not wraps else False
    return alone and optimizer.gradient_accumulation_steps is None


def is_plain_adam(optimizer: Any) -> bool:
    """Whether this is Keras' Adam and nothing else is done to gradients or weights.

    A class derived from it may do anything, but for one that says by `adam_gradient` what it makes
    of each gradient.
    """
    kind = type(optimizer)
    if kind is not _ADAM and "adam_gradient" not in vars(kind):
        return False
    options = (
        optimizer.amsgrad or None,
        optimizer.use_ema or None,
        optimizer.clipnorm,
        optimizer.global_clipnorm,
        optimizer.clipvalue,
        optimizer.weight_decay,
        optimizer.gradient_accumulation_steps,
        optimizer.loss_scale_factor,
    )
    return all(option is None for option in options)


def adam_gradients(
    optimizer: Any, gradients: Sequence[Tensor | None], variables: Sequence[keras.Variable]
) -> list[Tensor | None]:
    """What a plain Adam takes its step along: the gradients, or what it makes of them."""
    if type(optimizer) is _ADAM:
        return list(gradients)
    return [
        optimizer.adam_gradient(gradient, variable)
        for gradient, variable in zip(gradients, variables, strict=True)
    ]


def drop_positions(positions: Iterable[int], values: Sequence[T]) -> list[T]:
    """The values without those at the given positions."""
    dropped = set(positions)
    return [value for position, value in enumerate(values) if position not in dropped]


def apply_to(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[Tensor | None],
    variables: Sequence[keras.Variable],
    apply: Apply = keras.optimizers.Optimizer.apply,
) -> None:
    """A step for some weights; one for none, or without a gradient, is counted alone.

    Args:
        optimizer: the optimiser.
        gradients: of the weights, None for those that the loss does not reach.
        variables: the weights.
        apply: takes the optimiser's step for these.
    """
    if any(gradient is not None for gradient in gradients):
        apply(optimizer, list(gradients), list(variables))
    else:
        counter = step_counter(optimizer)
        counter.assign(counter + 1)


def apply_to_group(
    optimizer: keras.optimizers.Optimizer,
    gate: Gate,
    gradients: Sequence[Tensor | None],
    trainable: Sequence[keras.Variable],
    count: Tensor,
    apply: Apply = keras.optimizers.Optimizer.apply,
) -> None:
    """The step for the weights behind an open gate, whose optimiser took `count` steps before."""
    with _counting_from(optimizer, gate, count):
        apply_to(
            optimizer,
            [gradients[i] for i in gate.weights],
            [trainable[i] for i in gate.weights],
            apply,
        )


@contextmanager
def _counting_from(
    optimizer: keras.optimizers.Optimizer, gate: Gate, count: Tensor
) -> Iterator[None]:
    """Let the optimiser think, within, that it took `count` steps."""
    shared = [optimizer.variables[i] for i in gate.shared]
    kept = [ops.copy(variable) for variable in shared]
    set_count(optimizer, count)
    yield
    for variable, value in zip(shared, kept, strict=True):
        variable.assign(value)


def set_count(optimizer: keras.optimizers.Optimizer, count: Tensor) -> None:
    """Let an optimiser think that it took `count` steps, or none where that is negative."""
    counter = step_counter(optimizer)
    counter.assign(ops.cast(ops.maximum(count, 0), counter.dtype))


def own_count(before: Tensor, closed_steps: keras.Variable, gate: Gate) -> Tensor:
    """Steps that a group's optimiser took, of `before` for all weights."""
    return before - ops.cast(ops.convert_to_tensor(closed_steps)[gate.group], before.dtype)


def count_closed(closed_steps: keras.Variable, gate: Gate, missed: Any) -> None:
    """Note that the optimiser took `missed` steps, 0 or 1, without a group."""
    groups = ops.arange(closed_steps.shape[0], dtype="int32")
    here = ops.cast(ops.equal(groups, gate.group), "int32")
    closed_steps.assign(closed_steps + here * ops.cast(missed, "int32"))


def apply_twice(
    optimizer: keras.optimizers.Optimizer,
    gates: Sequence[Gate],
    gradients: Sequence[Tensor | None],
    trainable: Sequence[keras.Variable],
    control: Any,
    closed_steps: keras.Variable,
) -> None:
    """A step of an optimiser that must see all weights together, under gates.

    It is taken once for what no gate holds and once more for each group with its own count of
    steps, each time for all weights; of each time, what it was taken for is kept.
    """
    counter = step_counter(optimizer)
    everything = [*trainable, *optimizer.variables]
    before, count = _values(everything), ops.copy(counter)
    optimizer.apply(list(gradients), list(trainable))
    after, missed = _values(everything), counter - count
    for gate in gates:
        _assign(everything, before)
        set_count(optimizer, own_count(count, closed_steps, gate))
        optimizer.apply(list(gradients), list(trainable))
        opened = control[gate.key] > 0
        members = [*gate.weights, *(len(trainable) + i for i in gate.slots)]
        for index in members:
            after[index] = ops.where(opened, everything[index].value, before[index])
        count_closed(closed_steps, gate, ops.where(opened, 0, missed))
    _assign(everything, after)


def _values(variables: Sequence[keras.Variable]) -> list[Tensor]:
    return [ops.copy(variable) for variable in variables]


def _assign(variables: Sequence[keras.Variable], values: Sequence[Tensor]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
