"""Which rows of a pass through a network are data, where pseudo-inputs lie behind them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

# A context variable, so that models in several threads keep out of each other's way.
_data_rows: ContextVar[Any] = ContextVar("data_rows", default=None)


@contextmanager
def data_in_first(num_rows: Any) -> Iterator[None]:
    """Let the first `num_rows` rows be the data, within, and those behind them pseudo-inputs.

    An inference scheme encodes a prior's pseudo-inputs behind the batch, in one pass. Layers that
    treat a batch in training otherwise than in evaluation ask `data_rows` which rows they see.
    """
    token = _data_rows.set(num_rows)
    try:
        yield
    finally:
        _data_rows.reset(token)


def data_rows() -> Any:
    """How many rows, from the first on, are data: a number or an int32 scalar; None if all are."""
    return _data_rows.get()
