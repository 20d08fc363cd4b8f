"""Adam on PyTorch as one fused update of all weights, on a CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast
from weakref import WeakKeyDictionary

import keras
import torch
from torch.optim.adam import adam

from hiervae.backend.variables import step_counter
from hiervae.types import Tensor

ADAM = type(keras.optimizers.Adam())
"""The class that Keras makes of its Adam on this backend; one of another may do anything."""

_MOMENTS: WeakKeyDictionary[Any, dict[int, tuple[Any, Any]]] = WeakKeyDictionary()
"""By optimiser the first and second moment of each weight."""


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
    if not _is_plain(optimizer) or any(gradient is None for gradient in gradients):
        return False
    weights = [cast("torch.Tensor", variable.value) for variable in variables]
    if any(v.constraint is not None for v in variables) or weights[0].device.type != "cpu":
        return False
    settings = cast("Any", optimizer)
    moments = _moments(settings)
    try:
        pairs = [moments[id(variable)] for variable in variables]
    except KeyError:  # the optimiser is not built for these
        return False
    counter = step_counter(optimizer)
    count = int(cast("torch.Tensor", counter.value))
    # Keras adds epsilon before it corrects the second moment's bias, PyTorch after it.
    correction = math.sqrt(1.0 - settings.beta_2 ** (count + 1))
    adam(
        weights,
        cast("list[torch.Tensor]", list(gradients)),
        [first.value for first, _ in pairs],
        [second.value for _, second in pairs],
        [],
        list(torch.full((len(weights),), float(count)).unbind()),
        fused=True,
        amsgrad=False,
        beta1=settings.beta_1,
        beta2=settings.beta_2,
        lr=float(settings.learning_rate),
        weight_decay=0.0,
        eps=settings.epsilon / correction,
        maximize=False,
    )
    counter.assign(counter + 1)
    return True


def _is_plain(optimizer: Any) -> bool:
    """Whether this is Adam and nothing else is done to gradients or weights."""
    if type(optimizer) is not ADAM or optimizer.amsgrad or optimizer.use_ema:
        return False
    options = (
        optimizer.clipnorm,
        optimizer.global_clipnorm,
        optimizer.clipvalue,
        optimizer.weight_decay,
        optimizer.gradient_accumulation_steps,
        optimizer.loss_scale_factor,
    )
    return all(option is None for option in options)


def _moments(optimizer: Any) -> dict[int, tuple[Any, Any]]:
    """The moments by `id` of their weights, which Keras keeps in the order of the weights."""
    known = _MOMENTS.get(optimizer)
    if known is None and optimizer.built:
        pairs = zip(optimizer._momentums, optimizer._velocities, strict=True)
        weights = optimizer._trainable_variables
        known = {id(weight): pair for weight, pair in zip(weights, pairs, strict=True)}
        _MOMENTS[optimizer] = known
    return known or {}
