"""The variables behind the gates, for the backends that assign in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import keras

from hiervae.backend.step import Gate

T = TypeVar("T")


def held_variables(
    gates: Iterable[Gate],
    trainable: Sequence[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
) -> list[tuple[str, list[keras.Variable]]]:
    """For each gate its key in the control state and all it holds, weights and optimiser slots."""
    return [
        (
            gate.key,
            [trainable[i] for i in gate.weights] + [optimizer.variables[i] for i in gate.slots],
        )
        for gate in gates
    ]


def is_elementwise(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether leaving some weights out of a step changes nothing for the others and their slots."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return inner.global_clipnorm is None and inner.gradient_accumulation_steps is None


def drop_positions(positions: Iterable[int], values: Sequence[T]) -> list[T]:
    """The values without those at the given positions."""
    dropped = set(positions)
    return [value for position, value in enumerate(values) if position not in dropped]
