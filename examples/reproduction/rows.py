"""The rows of the tables: one TOML file each, in one folder per experiment.

A row's file holds the settings that `hiervae train --config` takes, and a table `[row]` of what is
reported and what it is compared with. `experiment.toml` beside them has the title, a text, and the
order of the rows.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
EXPERIMENT_FILE = "experiment.toml"


@dataclass(frozen=True)
class Measure:
    """A quantity that a row reports; lower is better.

    Attributes:
        name: in words.
        unit: of the figures.
        digits: decimals that are shown.
        section: of a seed's metrics.
        key: in that section.
        sign: factor that makes lower better.
    """

    name: str
    unit: str
    digits: int
    section: str
    key: str
    sign: float = 1.0

    def of(self, metrics: dict[str, Any]) -> float | None:
        """The quantity in the metrics of one seed; None where it was not measured."""
        value = metrics.get(self.section, {}).get(self.key)
        return None if value is None else self.sign * value


MEASURES = {
    "nll": Measure(
        "negative log-likelihood of the test set", "nats", 2, "score", "negative_log_likelihood"
    ),
    "bits": Measure(
        "negative log-likelihood of the test set",
        "bits per dimension",
        3,
        "score",
        "bits_per_dimension",
    ),
    "elbo": Measure("negative ELBO of the test set", "nats", 2, "test", "elbo", -1.0),
    "validation": Measure("negative ELBO of the validation set", "nats", 2, "valid", "elbo", -1.0),
    "angle": Measure(
        "mean absolute error of the angle", "rad", 3, "polar_regression", "mean_absolute_error"
    ),
}


@dataclass(frozen=True)
class Score:
    """How a trained model is scored.

    Attributes:
        samples: importance samples S per example.
        every: every how many-th test example has S samples.
        control_samples: importance samples that all examples have where `every` is above 1.
    """

    samples: int = 5000
    every: int = 1
    control_samples: int = 64


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        experiment: name of the folder.
        name: name of the file.
        title: what the row is called.
        settings: what `hiervae train --config` takes.
        start: the row whose weights training begins with; None for random ones.
        measure: what is reported.
        published: the published figure; None where there is none.
        source: where it was published.
        aim: our figure is to be at most this; None for no aim.
        seeds: of the runs.
        statistic: "mean" or "median" over the seeds.
        score: how the models are scored; None to leave it at what training measures.
        pictures: of the first seed's run that are kept, with the text that stands for each.
        reduced: what is smaller than in the paper; empty for nothing.
        note: what else there is to say.
    """

    experiment: str
    name: str
    title: str
    settings: dict[str, Any]
    measure: Measure
    start: Row | None = None
    published: float | None = None
    source: str = ""
    aim: float | None = None
    seeds: tuple[int, ...] = (0,)
    statistic: str = "mean"
    score: Score | None = None
    pictures: dict[str, str] = field(default_factory=dict)
    reduced: str = ""
    note: str = ""

    @property
    def path(self) -> str:
        """The row's name below the folder of experiments."""
        return f"{self.experiment}/{self.name}"


@dataclass(frozen=True)
class Figure:
    """A published figure that a script of its own draws.

    Attributes:
        title: what it shows.
        published: the figure's number in the paper.
        command: what draws it.
        files: pictures in the experiment's folder of results, with the text that stands for each.
    """

    title: str
    published: str = ""
    command: str = ""
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """A table, or a part of one.

    Attributes:
        name: of its folder.
        title: heading.
        text: below the heading, Markdown.
        tried: what was tried and how it went, Markdown.
        rows: in the order of the table.
        figures: published figures that belong to it.
    """

    name: str
    title: str
    text: str
    tried: str
    rows: tuple[Row, ...]
    figures: tuple[Figure, ...]


def read_experiments(folder: Path = CONFIGS) -> list[Experiment]:
    """Read all experiments, in the order of their folders' names in `experiments.toml`.

    Raises:
        ValueError: if a file says something else than what is expected.
    """
    names = _read(folder / "experiments.toml")["experiments"]
    found = {path.parent.name for path in folder.glob(f"*/{EXPERIMENT_FILE}")}
    if set(names) != found:
        raise ValueError(
            f"{folder / 'experiments.toml'} lists {sorted(names)}; the folders that hold an "
            f"{EXPERIMENT_FILE} are {sorted(found)}. Make the two agree."
        )
    return [read_experiment(folder / name) for name in names]


def read_experiment(folder: Path) -> Experiment:
    """Read one folder.

    Raises:
        ValueError: if a file says something else than what is expected.
    """
    path = folder / EXPERIMENT_FILE
    record = _read(path)
    names = record.pop("rows", [])
    found = {file.stem for file in folder.glob("*.toml")} - {"experiment"}
    if set(names) != found:
        raise ValueError(
            f"{path} lists the rows {sorted(names)}; the files beside it are {sorted(found)}. Make "
            "the two agree."
        )
    figures = tuple(_make(Figure, figure, path) for figure in record.pop("figure", []))
    rows = tuple(read_row(folder / f"{name}.toml") for name in names)
    record = {"text": "", "tried": "", **record}
    return _make(
        Experiment, {"name": folder.name, "rows": rows, "figures": figures, **record}, path
    )


def read_row(path: Path) -> Row:
    """Read a row's file.

    Raises:
        ValueError: if it says something else than what is expected.
    """
    settings = _read(path)
    row = settings.pop("row", {})
    measure = row.pop("measure", None)
    if measure not in MEASURES:
        raise ValueError(f"{path}: measure is {measure!r}; expected one of {', '.join(MEASURES)}.")
    score = row.pop("score", None)
    within = row.pop("within", None)
    if within is not None:
        row["aim"] = row["published"] + within
    row["seeds"] = tuple(row.get("seeds", (0,)))
    if "start" in row:
        start = path.parents[1] / f"{row['start']}.toml"
        if not start.is_file():
            raise ValueError(f"{path}: start is {row['start']!r}; expected experiment/row.")
        row["start"] = read_row(start)
    return _make(
        Row,
        {
            "experiment": path.parent.name,
            "name": path.stem,
            "settings": settings,
            "measure": MEASURES[measure],
            "score": None if score is None else _make(Score, score, path),
            **row,
        },
        path,
    )


def choose_rows(experiments: list[Experiment], names: list[str]) -> list[Row]:
    """Return the rows that are named, as `experiment` or `experiment/row`, in that order.

    Raises:
        ValueError: if there is no such row or experiment.
    """
    whole = {experiment.name: list(experiment.rows) for experiment in experiments}
    single = {row.path: [row] for rows in whole.values() for row in rows}
    known = whole | single
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no row; expected one of {', '.join(known)}.")
    return [row for name in names for row in known[name]]


def _make(kind: Any, record: dict[str, Any], path: Path) -> Any:
    try:
        return kind(**record)
    except TypeError as error:
        raise ValueError(f"{path} does not describe a {kind.__name__.lower()}: {error}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is no TOML: {error}") from error
