"""The logs of a run's epochs."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import keras

from hiervae.callbacks.early_stopping import in_main_phase
from hiervae.runs.history_file import Row, read_history, write_history

__all__ = ["History", "Row", "best_row", "read_history", "write_history"]


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

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock."""
        self._begin = time.perf_counter() - self.seconds

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add a row."""
        row: Row = {"epoch": epoch + 1, "step": self.model.training_step}
        row["seconds"] = round(time.perf_counter() - self._begin, 3)
        self.rows.append(row | {name: float(value) for name, value in (logs or {}).items()})
        write_history(self.path, self.rows)


def best_row(rows: list[Row]) -> Row | None:
    """The row of the main phase with the lowest validation loss; None where there is none."""
    scored = [
        row for row in rows if in_main_phase(row) and math.isfinite(row.get("val_loss", math.nan))
    ]
    return min(scored, key=lambda row: row["val_loss"], default=None)
