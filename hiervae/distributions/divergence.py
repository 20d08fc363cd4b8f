"""Kullback-Leibler divergences in closed form, looked up by the pair of classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from hiervae.distributions.diagonal_normal import DiagonalNormal
from hiervae.types import Tensor


def _normal_normal(q: DiagonalNormal, p: DiagonalNormal) -> Tensor:
    difference = q.log_variance - p.log_variance
    squared = ops.square(q.mean - p.mean) * ops.exp(-p.log_variance)
    return 0.5 * ops.sum(ops.exp(difference) + squared - 1.0 - difference, axis=q.event_axes)


CLOSED_FORMS: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {
    (DiagonalNormal, DiagonalNormal): _normal_normal,
}


def kl_divergence(q: Any, p: Any) -> Tensor | None:
    """Return KL(q || p) in nats, summed over events, or None without a closed form.

    Args:
        q: a distribution with parameters of shape (..., *event).
        p: a distribution with parameters that broadcast against them.
    """
    closed_form = CLOSED_FORMS.get((type(q), type(p)))
    return None if closed_form is None else closed_form(q, p)
