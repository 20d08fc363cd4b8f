"""The file of a run's history, which takes no Keras to read."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from hiervae.errors import DamagedFileError
from hiervae.runs.files import write_text

Row = dict[str, float]

COUNTS = ("epoch", "step")

_ADVICE = "Restore the file, or train again in another folder."


def write_history(path: Path, rows: list[Row]) -> None:
    """Write at least one row, with the columns of the first.

    Raises:
        OSError: if the file cannot be written.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())


def read_history(path: Path, last_step: int | None = None) -> list[Row]:
    """The rows of a file that `write_history` wrote; none where there is no file.

    Args:
        path: the CSV file.
        last_step: optimiser steps of the checkpoint that the rows are to lead to; rows of later
            steps are left out.

    Raises:
        OSError: if the file cannot be read.
        DamagedFileError: if it holds something else, lacks epochs, or has none that ends at
            `last_step`.
    """
    rows = _read_rows(path) if path.exists() else []
    if last_step is None:
        return rows
    rows = [row for row in rows if row["step"] <= last_step]
    reached = rows[-1]["step"] if rows else 0
    if reached != last_step:
        raise DamagedFileError(
            f"{path} has no epoch that ends at step {last_step}, where the checkpoint was written; "
            f"the last one before it ends at step {reached}. {_ADVICE}"
        )
    return rows


def _read_rows(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as stream:
        try:
            reader = csv.DictReader(stream)
            missing = set(COUNTS) - set(reader.fieldnames or ())
            if missing:
                raise ValueError(f"it has no column {', '.join(sorted(missing))}")
            rows = [_row(record) for record in reader]
        except (ValueError, TypeError, csv.Error) as error:
            raise DamagedFileError(
                f"{path} is damaged ({error}); expected a table of numbers with the columns epoch "
                f"and step. {_ADVICE}"
            ) from error
    epochs = [row["epoch"] for row in rows]
    if epochs != list(range(1, len(rows) + 1)):
        raise DamagedFileError(
            f"{path} has the epochs {', '.join(map(str, epochs))}; expected all of them from 1. "
            f"{_ADVICE}"
        )
    return rows


def _row(record: dict[str, str]) -> Row:
    counts = {name: int(record[name]) for name in COUNTS}
    return counts | {key: float(value) for key, value in record.items() if key not in COUNTS}
