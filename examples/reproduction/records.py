"""The records of rows in `docs/results`, from which the page is made."""

from __future__ import annotations

import json
import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reproduction.bench import Bench
from reproduction.rows import Row

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"


@dataclass(frozen=True)
class Outcome:
    """What the finished seeds of a row gave.

    Attributes:
        values: the measure of each seed.
        record: the file.
    """

    values: tuple[float, ...]
    record: dict[str, Any]

    @property
    def seeds(self) -> list[dict[str, Any]]:
        """The records of the seeds."""
        return list(self.record["seeds"])


def write_record(row: Row, bench: Bench, results: Path = RESULTS) -> Path | None:
    """Write the record of the seeds that are done, and copy the pictures of the first one.

    Returns:
        The file; None where no seed is done.
    """
    done = [seed for seed in row.seeds if bench.is_done(row, seed)]
    if not done:
        return None
    folder = results / row.experiment
    folder.mkdir(parents=True, exist_ok=True)
    seeds = [bench.record(row, seed) for seed in done]
    config = seeds[0]["config"]
    for seed in seeds:
        if seed.pop("config") != config:
            raise ValueError(f"{row.path}: the seeds {done} were not trained in the same settings.")
    pictures = []
    for name in row.pictures:
        source = bench.folder(row, done[0]) / "figures" / name
        if source.is_file():
            target = f"{row.name}_{name}"
            shutil.copyfile(source, folder / target)
            pictures.append(target)
    record = {
        "row": row.path,
        "measure": row.measure.name,
        "unit": row.measure.unit,
        "settings": row.settings,
        "start": _start(row),
        "config": config,
        "seeds": seeds,
        "pictures": pictures,
    }
    path = folder / f"{row.name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return path


def read_outcome(row: Row, results: Path = RESULTS) -> Outcome | None:
    """Read a row's record; None where there is none.

    Raises:
        ValueError: if the record is of other settings than the row's file has now.
    """
    path = results / row.experiment / f"{row.name}.json"
    if not path.is_file():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    if record["settings"] != row.settings or record.get("start") != _start(row):
        raise ValueError(
            f"{path} was made with other settings than the row's file has now. Run it again: "
            f"python examples/reproduce.py {row.path}"
        )
    values = [row.measure.of(seed["metrics"]) for seed in record["seeds"]]
    if None in values:
        raise ValueError(f"{path} lacks {row.measure.section}.{row.measure.key} for some seeds.")
    return Outcome(tuple(value for value in values if value is not None), record)


def _start(row: Row) -> str | None:
    return None if row.start is None else row.start.path


def figure_of(row: Row, outcome: Outcome) -> float:
    """The figure that a row reports, over its seeds."""
    return {"mean": statistics.fmean, "median": statistics.median}[row.statistic](outcome.values)
