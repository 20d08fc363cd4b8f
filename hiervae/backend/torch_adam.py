"""Adam on PyTorch as one fused update of all weights, on a CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast
from weakref import WeakKeyDictionary

import keras
import torch

from hiervae.backend.variables import adam_gradients, is_plain_adam, step_counter
from hiervae.types import Tensor

_TENSORS: WeakKeyDictionary[Any, dict[int, tuple[torch.Tensor, ...]]] = WeakKeyDictionary()
"""By optimiser what `_tensors` found."""


def apply_step(
    optimizer: keras.optimizers.Optimizer,
    gradients: list[Tensor | None],
    variables: list[keras.Variable],
) -> None:
    """Take the optimiser's step, fused where that is the same."""
    if not apply_fused(optimizer, gradients, variables):
        optimizer.apply(gradients, variables)


def apply_fused(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[Tensor | None],
    variables: Sequence[keras.Variable],
) -> bool:
    """Take the optimiser's step in one kernel; False, and nothing done, where that is not the same.

    Keras updates moments and weights in nine passes with five temporary copies of the weights. On
    an accelerator these are cheap, and the count of steps cannot be read without waiting for it.
    """
    if not is_plain_adam(optimizer) or any(gradient is None for gradient in gradients):
        return False
    known = _tensors(optimizer)
    try:
        members = [known[id(variable)] for variable in variables]
    except KeyError:  # constrained, on an accelerator, or not what the optimiser was built for
        return False
    weights, first, second = (list(each) for each in zip(*members, strict=True))
    if len({weight.dtype for weight in weights}) > 1:  # the kernel takes weights of one type
        return False
    settings = cast("Any", optimizer)
    counter = cast("Any", step_counter(optimizer).value)
    count = int(counter)
    # Keras adds epsilon before it corrects the second moment's bias, PyTorch after it.
    correction = math.sqrt(1.0 - settings.beta_2 ** (count + 1))
    # The kernel itself: what PyTorch does around it costs as much again for small models.
    torch._fused_adam_(
        weights,
        adam_gradients(optimizer, gradients, variables),
        first,
        second,
        [],
        [torch.tensor(count + 1.0)] * len(weights),
        lr=float(settings.learning_rate),
        beta1=settings.beta_1,
        beta2=settings.beta_2,
        weight_decay=0.0,
        eps=settings.epsilon / correction,
        amsgrad=False,
        maximize=False,
    )
    counter.add_(1)
    return True


def _tensors(optimizer: Any) -> dict[int, tuple[torch.Tensor, ...]]:
    """By `id` of each weight that can be updated here: it, its first and its second moment.

    Keras assigns variables in place, so that the tensors stay the same.
    """
    known = _TENSORS.get(optimizer)
    if known is None and optimizer.built:
        slots = zip(optimizer._momentums, optimizer._velocities, strict=True)
        pairs = zip(optimizer._trainable_variables, slots, strict=True)
        known = {
            id(weight): tuple(variable.value for variable in (weight, *moments))
            for weight, moments in pairs
            if weight.constraint is None and weight.value.device.type == "cpu"
        }
        _TENSORS[optimizer] = known
    return known or {}
