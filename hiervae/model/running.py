"""The context in which Keras runs the steps of a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hiervae.backend import StepAdapter, restore_on_error
from hiervae.utils.interrupts import deferred


@contextmanager
def running(model: StepAdapter, copy: bool = False, **feeds: Any) -> Iterator[None]:
    """Leave a model whole whatever ends its training or evaluation.

    Ctrl-C waits for the step at work to end, and an error leaves the values of the last whole step.

    Args:
        model: whose steps run.
        copy: as in `hiervae.backend.restore_on_error`.
        **feeds: as in `StepAdapter.fed_by`.

    Raises:
        KeyboardInterrupt: after Ctrl-C, between two steps or at the end.
    """
    with deferred(), restore_on_error(model, copy=copy), model.fed_by(**feeds):
        yield
