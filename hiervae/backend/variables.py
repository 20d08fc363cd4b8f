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
