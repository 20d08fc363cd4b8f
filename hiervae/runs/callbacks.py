"""The callbacks of a run: its history, the order of its examples, and when it stops."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import keras

from hiervae.callbacks.early_stopping import in_main_phase
from hiervae.runs.history import Row, write_history


class History(keras.callbacks.Callback):
    """Keeps a row of logs for each epoch of a run, also over several `fit` calls, in a CSV file.

    The columns are `epoch` (from 1), `step` (optimiser steps over the model's life), `seconds` (of
    training so far), then all logs.

    Args:
        path: the CSV file, rewritten whole after each epoch.
        rows: those of earlier epochs.

    Attributes:
        rows: one for each epoch.
    """

    def __init__(self, path: Path, rows: list[Row]) -> None:
        super().__init__()
        self.path = path
        self.rows = list(rows)
        self._begin = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self.rows[-1]["seconds"] if self.rows else 0.0

    def get_state(self) -> dict[str, Any]:
        """The rows, for checkpoints."""
        return {"rows": self.rows}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from the rows of a checkpoint."""
        self.rows = list(state["rows"])
        self._begin = time.perf_counter() - self.seconds

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock."""
        self._begin = time.perf_counter() - self.seconds

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add a row."""
        row: Row = {"epoch": epoch + 1, "step": self.model.training_step}
        row["seconds"] = round(time.perf_counter() - self._begin, 3)
        self.rows.append(row | {name: float(value) for name, value in (logs or {}).items()})
        write_history(self.path, self.rows)


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


def score_of(row: Row) -> float:
    """Reconstruction and KL of an epoch in nats per example, the KL weighted by beta up to 1.

    Unlike the loss it compares epochs of different beta: it does not grow where a rule raises beta
    above 1, and in a warm-up it leaves out what the optimiser does not yet pay for.
    """
    return row["reconstruction"] + min(row["beta"], 1.0) * row["kl"]


def kept_row(rows: list[Row]) -> Row | None:
    """The best row of the main phase; where there is none, of all epochs with finite numbers.

    Without validation, epochs are compared by `score_of`.
    """

    def value(row: Row) -> float:
        return row["val_loss"] if "val_loss" in row else score_of(row)

    finite = [row for row in rows if math.isfinite(value(row))]
    return best_row(rows) or min(finite, key=value, default=None)


def best_row(rows: list[Row]) -> Row | None:
    """The row of the main phase with the lowest validation loss; None where there is none."""
    scored = [
        row for row in rows if in_main_phase(row) and math.isfinite(row.get("val_loss", math.nan))
    ]
    return min(scored, key=lambda row: row["val_loss"], default=None)


def has_stopped(rows: list[Row], patience: int | None) -> bool:
    """Whether a run with this history is to go no further."""
    best = best_row(rows)
    if patience is None or best is None:
        return False
    since = [row for row in rows if row["epoch"] > best["epoch"] and in_main_phase(row)]
    return len(since) >= patience
