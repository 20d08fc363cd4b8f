"""The variables behind the gates, for the backends that assign in place."""

from __future__ import annotations

from typing import Any


def gated(model: Any, positions: Any) -> list[tuple[str, list[Any]]]:
    """For each gate its key in the control state and all it holds, weights and optimiser slots.

    Args:
        model: a compiled model.
        positions: what `model.gated_variables()` says.
    """
    if not positions:
        return []
    trainable, optimizer = model.trainable_variables, model.optimizer.variables
    return [
        (gate, [trainable[i] for i in in_model] + [optimizer[i] for i in in_optimizer])
        for gate, in_model, in_optimizer in positions
    ]


def treats_weights_apart(optimizer: Any) -> bool:
    """Whether leaving some weights out changes nothing for the others, and for their own slots."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return optimizer.global_clipnorm is None and optimizer.gradient_accumulation_steps is None


def without(shut: list[list[int]], *lists: list[Any]) -> list[list[Any]]:
    """The lists without the entries at the positions in `shut`."""
    left_out = {position for positions in shut for position in positions}
    return [
        [entry for position, entry in enumerate(entries) if position not in left_out]
        for entries in lists
    ]
