"""The report of a run: one page that holds all there is to say about it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hiervae.runs.report_curves import panels
from hiervae.runs.report_measures import key_figures, measures, scored_splits
from hiervae.runs.report_page import Markup, element, join, mapping, page
from hiervae.runs.report_pictures import picture, picture_files
from hiervae.runs.report_settings import (
    data_name,
    data_tables,
    model_tables,
    summary,
    training_tables,
)

import hiervae
from hiervae.errors import DamagedFileError
from hiervae.runs.config import RunConfig
from hiervae.runs.files import dump_json, write_text
from hiervae.runs.folder import RunFolder
from hiervae.runs.history import read_history

SECTIONS = ("dataset", "model", "optimizer", "training", "parts", "data", "versions")
"""Entries of `config.json` that are records."""


@dataclass(frozen=True)
class Report:
    """A page and what went into it.

    Attributes:
        page: the HTML.
        measures: sections of `metrics.json`.
        curves: what is drawn over the epochs.
        pictures: files of `figures/`.
        missing: what could not be included, one sentence each.
    """

    page: str
    measures: list[str]
    curves: list[str]
    pictures: list[str]
    missing: list[str]


def write_report(folder: RunFolder, path: Path) -> Report:
    """Write the report of a finished run; Keras and its backend are not needed.

    The same run gives the same file.

    Args:
        folder: the run's folder.
        path: the HTML file.

    Raises:
        HiervaeError: if this is no run folder, or its training did not finish.
        DamagedFileError: if `config.json`, `metrics.json` or `history.csv` is damaged.
        OSError: if a file cannot be read or written.
    """
    report = _Assembly(folder).report()
    write_text(path, report.page)
    return report


@dataclass
class _Assembly:
    """Collects the sections, and notes what there is for them.

    Attributes:
        folder: the run's folder.
    """

    folder: RunFolder
    curves: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def report(self) -> Report:
        """Read the folder and put the page together."""
        self.config = _read_config(self.folder)
        self.metrics = self.folder.read_metrics()
        self.name = self.folder.path.resolve().name
        self.done = mapping(self.metrics.get("training"))
        self.pictures = self._read_pictures()
        title = f"{self.config.preset or 'A model'} on {data_name(self.config)}"
        sections = {
            "Measures": self._measures(),
            "Pictures": self._pictures(),
            "Course of training": self._course(),
            "Model": model_tables(self.config),
            "Data": data_tables(self.config),
            "Training": training_tables(self.config, self.done),
            "Reproduce": self._reproduce(),
        }
        ids = {heading: heading.lower().replace(" ", "-") for heading in sections}
        links = [element("a", heading, href=f"#{place}") for heading, place in ids.items()]
        text = page(
            f"{title}, {self.name}",
            f"hiervae {hiervae.__version__}",
            element(
                "header",
                element("h1", title),
                element("p", self._introduction(), class_="muted"),
                key_figures(self.metrics),
                element("nav", *links),
            ),
            element(
                "main",
                *(
                    element("section", element("h2", heading), content, "\n", id=ids[heading])
                    for heading, content in sections.items()
                ),
            ),
        )
        return Report(text, list(self.metrics), self.curves, list(self.pictures), self.missing)

    def _introduction(self) -> str:
        variant = f", variant {self.config.variant}" if self.config.preset else ""
        return f"Run {self.name}{variant}, seed {self.config.seed}. {summary(self.config)}."

    def _measures(self) -> Markup:
        command = f"hiervae evaluate {shlex.quote(str(self.folder.path))}"
        if not self.metrics:
            return self._note(f"There is no metrics.json; measure the model with: {command}")
        return measures(self.metrics, command)

    def _read_pictures(self) -> dict[str, Markup]:
        found = {path.name: picture(path) for path in picture_files(self.folder.figures)}
        return {name: figure for name, figure in found.items() if figure is not None}

    def _pictures(self) -> Markup:
        files = [path.name for path in picture_files(self.folder.figures)]
        broken = [name for name in files if name not in self.pictures]
        notes = [self._note(f"figures/{name} is left out: it is no PNG file.") for name in broken]
        if not self.pictures:
            command = f"hiervae sample {shlex.quote(str(self.folder.path))}"
            needs = 'which needs matplotlib: pip install "hiervae[monitoring]"'
            return join(*notes, self._note(f"There are no pictures; draw with: {command}, {needs}"))
        shown = [figure for name, figure in self.pictures.items() if name != "control.png"]
        return join(*notes, element("div", *shown, class_="grid"))

    def _course(self) -> Markup:
        rows = read_history(self.folder.history_file)
        if not rows:
            return self._note("There is no course of training: history.csv has no epochs.")
        history = {key: [row[key] for row in rows] for key in rows[0]}
        epochs = history["epoch"]
        control = self.pictures.get("control.png")
        phases = zip(epochs, history.get("phase", []), strict=False)
        initial = max((epoch for epoch, phase in phases if phase == 0), default=None)
        saved = self.done.get("model_epoch")
        marked = saved if saved in epochs[:-1] else None
        drawn = dict(panels(history, control is None, initial, marked))
        self.curves += drawn
        says = (
            "Means over each epoch, with the last values below. The training loss weighs the "
            "terms by beta, as the optimiser sees them; all else is at beta = 1."
        )
        if initial is not None:
            says += " Grey: the scheduler's initial phase."
        if marked is not None:
            says += f" Dashed: epoch {saved}, whose model was kept."
        figures = element("div", *drawn.values(), control or "", class_="grid")
        return join(element("p", says, class_="muted"), figures)

    def _reproduce(self) -> Markup:
        backend = mapping(self.config.versions.get("backend")).get("name")
        again = shlex.quote(f"{self.name}-again")
        lines = [
            f"KERAS_BACKEND={shlex.quote(str(backend))} hiervae train "
            f"--config {shlex.quote(str(self.folder.config_file))} --out {again}"
        ]
        for split, record in scored_splits(self.metrics).items():
            if protocol := mapping(record.get("protocol")):
                lines.append(f"hiervae evaluate {again} --split {split} {_options(protocol)}")
        settings = dump_json(self.config.as_dict())
        return join(
            element("pre", "\n".join(lines)),
            element("p", "The same numbers take the versions above and the same kind of machine."),
            element("details", element("summary", "config.json"), element("pre", settings)),
        )

    def _note(self, sentence: str) -> Markup:
        self.missing.append(sentence)
        return element("p", sentence, class_="missing")


def _read_config(folder: RunFolder) -> RunConfig:
    config = folder.read_config()
    folder.require_model()
    for name in SECTIONS:
        value = getattr(config, name)
        if not isinstance(value, dict):
            raise DamagedFileError(
                f"{folder.config_file} holds a {type(value).__name__} as {name!r}; expected an "
                "object. Restore the file that the run was made with."
            )
    return config


def _options(protocol: Any) -> str:
    count = protocol.get("num_examples")
    options = {
        "num-samples": protocol.get("num_samples"),
        "seed": protocol.get("seed"),
        "limit": None if count == protocol.get("of_examples") else count,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return " ".join(f"--{name} {shlex.quote(str(value))}" for name, value in given.items())
