"""Constraints of parameters, and the values at which parameters start."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from hiervae.types import Shape, Tensor
from keras import ops

from hiervae_tfp.library import probability

LEAST = 1e-3
"""The least value of a positive parameter, so that a density stays bounded."""

MARGIN = 1e-6
"""How far a probability stays from 0 and 1."""

INTERVALS = ("between", "log_between")
NAMES = ("positive", "unit_interval", "increasing", "simplex", "scale_tril", "correlation_tril")
FORMS = (
    f"one of {', '.join(map(repr, NAMES))}, "
    '{"between": [low, high]}, {"log_between": [low, high]}, or a bijector {"tfb": name, ...}'
)
INITIALS = 'a number, nested lists of them, {"normal": stddev} or {"identity": scale}'


def bijector(constraint: Any) -> Any:
    """Return the bijector from all numbers to those a constraint allows.

    Args:
        constraint: one of `NAMES`; {"between": [low, high]}, where a parameter is nearly the number
            before the constraint; {"log_between": [low, high]}, where its logarithm is; or None.
    """
    tfb = probability().bijectors
    if constraint is None:
        return tfb.Identity()
    if isinstance(constraint, Mapping):
        ((form, ends),) = constraint.items()
        if form == "between":
            return tfb.SoftClip(low=ends[0], high=ends[1])
        low, high = map(math.log, ends)
        return tfb.Chain([tfb.Exp(), tfb.SoftClip(low=low, high=high)])
    makers = {
        "positive": lambda: tfb.Softplus(low=LEAST),
        "unit_interval": lambda: tfb.Sigmoid(low=MARGIN, high=1.0 - MARGIN),
        "increasing": tfb.Ascending,
        "simplex": tfb.IteratedSigmoidCentered,
        "scale_tril": lambda: tfb.FillScaleTriL(diag_shift=LEAST),
        "correlation_tril": tfb.CorrelationCholesky,
    }
    return makers[constraint]()


def default_initial(constraint: Any) -> Any:
    """Return where a parameter starts when nothing is said; None for zero without constraint."""
    if isinstance(constraint, Mapping):
        ((form, (low, high)),) = constraint.items()
        return 0.5 * (low + high) if form == "between" else math.sqrt(low * high)
    return {"positive": 1.0, "scale_tril": {"identity": 1.0}}.get(constraint)


def unconstrained_shape(to_allowed: Any, shape: Shape) -> Shape:
    """Return the shape of what a bijector makes a parameter of a shape from."""
    return tuple(map(int, to_allowed.inverse_event_shape(shape)))


def start(path: str, initial: Any, to_allowed: Any, shape: Shape) -> Tensor:
    """Return the unconstrained values, float32, at which a parameter starts.

    Args:
        path: where the parameter is in the config.
        initial: None for zeros, or as in `INITIALS`.
        to_allowed: bijector to the parameter's values.
        shape: of the parameter.

    Raises:
        ValueError: if the values do not have the shape or do not keep the constraint.
    """
    if initial is None:
        return ops.zeros(unconstrained_shape(to_allowed, shape))
    if isinstance(initial, Mapping):
        values = _described(path, initial, shape)
    else:
        try:
            values = np.broadcast_to(np.asarray(initial, "float32"), shape)
        except ValueError:
            raise ValueError(
                f"{path}.initial={initial!r}: expected a number, or numbers of shape {list(shape)}."
            ) from None
    raw = to_allowed.inverse(ops.convert_to_tensor(values))
    # A copy, since the bijector remembers where it has the other from.
    back = ops.convert_to_numpy(to_allowed.forward(ops.copy(raw)))
    if not np.allclose(back, values, rtol=1e-3, atol=1e-3):
        raise ValueError(f"{path}.initial={initial!r}: expected values that keep the constraint.")
    return raw


def _described(path: str, initial: Mapping[str, Any], shape: Shape) -> Any:
    ((form, scale),) = initial.items()
    if form == "normal":
        noise = keras.initializers.RandomNormal(stddev=float(scale))(shape, dtype="float32")
        return ops.convert_to_numpy(noise)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ValueError(
            f"{path}.initial={dict(initial)!r}: expected the identity for square matrices alone, "
            f"but the shape is {list(shape)}."
        )
    return np.broadcast_to(float(scale) * np.eye(shape[-1], dtype="float32"), shape)


def split(values: Tensor, sizes: list[int]) -> list[Tensor]:
    """Return the last axis in pieces of the given sizes."""
    ends = list(itertools.accumulate(sizes))
    return [values[..., end - size : end] for end, size in zip(ends, sizes, strict=True)]
