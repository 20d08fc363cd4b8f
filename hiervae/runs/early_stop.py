"""Stopping when the validation loss has ceased to improve."""

from __future__ import annotations

from typing import Any

import keras

from hiervae.callbacks.early_stopping import in_main_phase
from hiervae.runs.history import History, Row, best_row


class EarlyStop(keras.callbacks.Callback):
    """Stop when the validation loss has not improved for some epochs of the main phase.

    The decision is a function of the run's history alone, so that a run that was interrupted stops
    where it would have stopped. Epochs of a scheduler's initial phase neither count nor are best
    ones, as for `hiervae.callbacks.EarlyStopping`.

    Args:
        history: the run's history, which comes before this callback.
        patience: number of epochs without improvement.
    """

    def __init__(self, history: History, patience: int) -> None:
        super().__init__()
        self.history = history
        self.patience = patience

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop if it is time."""
        if has_stopped(self.history.rows, self.patience):
            self.model.stop_training = True


def has_stopped(rows: list[Row], patience: int | None) -> bool:
    """Whether a run with this history is to go no further."""
    best = best_row(rows)
    if patience is None or best is None:
        return False
    since = [row for row in rows if row["epoch"] > best["epoch"] and in_main_phase(row)]
    return len(since) >= patience
