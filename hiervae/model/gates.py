"""Which weights and optimiser slots the gates of a scheduler hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import keras

from hiervae.backend import Gate
from hiervae.part import Part
from hiervae.registry import ROLES
from hiervae.schedulers.base import Scheduler

GATED_ROLES: tuple[str, ...] = tuple(
    name for name, role in ROLES.items() if issubclass(role.base_class(), Part)
)
"""The roles whose parts hold weights, and so can be held by a gate."""


def find_gates(
    scheduler: Scheduler | None,
    parts: Mapping[str, Part],
    trainable: Sequence[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
    closed: Sequence[int] = (),
) -> tuple[Gate, ...]:
    """The gates of `scheduler` and the positions of what they hold.

    A gate that was closed under another rule counts as well, since its part goes on to count its
    own steps; the step finds it open.

    Args:
        scheduler: the rule at work, None for none.
        parts: by role, those of `GATED_ROLES`.
        trainable: the model's trainable variables.
        optimizer: of the model; it is built for `trainable` if need be.
        closed: for each of `GATED_ROLES` the steps that its gate was closed in.

    Raises:
        ValueError: if the optimiser keeps state that cannot be held.
    """
    named = () if scheduler is None else tuple(scheduler.gates)
    former = [role for role, count in zip(GATED_ROLES, closed, strict=False) if count]
    roles = (*named, *(role for role in former if role not in named))
    if not roles or (optimizer.use_ema and not named):
        return ()
    if optimizer.use_ema:
        raise ValueError(
            f"The optimiser has use_ema=True beside {type(scheduler).__name__}, which holds "
            "weights still; expected use_ema=False, since Keras starts the averages at zero."
        )
    if not optimizer.built:
        optimizer.build(trainable)
    owners = slot_owners(optimizer, trainable)
    shared = tuple(i for i, owner in enumerate(owners) if owner is None)
    gates = []
    for role in roles:
        members = {id(variable) for variable in parts[role].trainable_variables}
        weights = tuple(i for i, variable in enumerate(trainable) if id(variable) in members)
        slots = tuple(i for i, owner in enumerate(owners) if owner in weights)
        group = GATED_ROLES.index(role)
        gates.append(Gate(f"gate_{role}", weights, slots, shared, group))
    return tuple(gates)


def slot_owners(
    optimizer: keras.optimizers.Optimizer, trainable: Sequence[keras.Variable]
) -> list[int | None]:
    """For each optimiser variable the position of the weight it belongs to, if any.

    Keras names an optimiser variable after the path of its weight; the longest path that fits
    is the right one, since one weight's path may begin another's. Weights of one path (layers
    of one name, built before they were composed) have theirs in the order of the weights.

    Raises:
        ValueError: if the optimiser keeps state that cannot be assigned or held.
    """
    weights: dict[str, list[int]] = {}
    for index, variable in enumerate(trainable):
        weights.setdefault(variable.path.replace("/", "_") + "_", []).append(index)
    prefixes = sorted(weights, key=len, reverse=True)
    seen: Counter[str] = Counter()
    owners: list[int | None] = []
    for variable in optimizer.variables:
        name = variable.name
        prefix = next((prefix for prefix in prefixes if name.startswith(prefix)), None)
        if prefix is None:
            owners.append(None)
            _check_unowned(optimizer, variable)
            continue
        candidates = weights[prefix]
        owners.append(candidates[seen[name] % len(candidates)])
        seen[name] += 1
    return owners


def _check_unowned(optimizer: keras.optimizers.Optimizer, variable: keras.Variable) -> None:
    if len(variable.shape):
        raise ValueError(
            f"The optimiser {type(optimizer).__name__} keeps a variable {variable.name!r} "
            "that names no weight in training; a scheduler that holds weights still expects "
            "all to. If weights were frozen or thawed since, call `compile` again; else use "
            "another optimiser, such as keras.optimizers.Adam."
        )
