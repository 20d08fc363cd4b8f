"""The logs of a run's epochs."""

from __future__ import annotations

import csv
import io
import math
import time
from pathlib import Path
from typing import Any

import keras

from hiervae.callbacks.early_stopping import in_main_phase
from hiervae.errors import DamagedFileError
from hiervae.runs.files import write_text

Row = dict[str, float]

COUNTS = ("epoch", "step")


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


def write_history(path: Path, rows: list[Row]) -> None:
    """Write rows with the columns of the first.

    Raises:
        OSError: if the file cannot be written.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())


def read_history(path: Path, last_step: int | None = None) -> list[Row]:
    """The rows of a file that `write_history` wrote; none where there is no file.

    Args:
        path: the CSV file.
        last_step: leave out rows of later optimiser steps.

    Raises:
        OSError: if the file cannot be read.
        DamagedFileError: if it holds something else.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        try:
            rows = [_row(record) for record in csv.DictReader(stream)]
        except (ValueError, TypeError, KeyError, csv.Error) as error:
            raise DamagedFileError(
                f"{path} is damaged ({error}); expected a table of numbers with the columns epoch "
                "and step. Restore it, or train again in another folder."
            ) from error
    return [row for row in rows if last_step is None or row["step"] <= last_step]


def _row(record: dict[str, str]) -> Row:
    counts = {name: int(record[name]) for name in COUNTS}
    return counts | {key: float(value) for key, value in record.items() if key not in COUNTS}


def best_row(rows: list[Row]) -> Row | None:
    """The row of the main phase with the lowest validation loss; None where there is none."""
    scored = [
        row for row in rows if in_main_phase(row) and math.isfinite(row.get("val_loss", math.nan))
    ]
    return min(scored, key=lambda row: row["val_loss"], default=None)
