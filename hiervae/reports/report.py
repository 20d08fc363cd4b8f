"""The report of a run: one page that holds all there is to say about it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from hiervae.errors import HiervaeError
from hiervae.reports.curves import Drawing, drawings
from hiervae.reports.images import Image, image_files, read_image
from hiervae.reports.metrics import cards, metric_tables, scored_splits
from hiervae.reports.settings import (
    data_name,
    data_tables,
    model_tables,
    summary,
    training_tables,
)
from hiervae.reports.tables import Missing, mapping, shown
from hiervae.runs.config import RunConfig
from hiervae.runs.files import dump_json, write_text
from hiervae.runs.folder import RunFolder
from hiervae.runs.history import read_history


@dataclass(frozen=True)
class Report:
    """A page and what went into it.

    Attributes:
        page: the HTML.
        metrics: sections of `metrics.json`.
        curves: what is drawn over the epochs.
        figures: files of `figures/`.
        missing: what could not be included, one sentence each.
    """

    page: str
    metrics: list[str]
    curves: list[str]
    figures: list[str]
    missing: list[str]


def write_report(folder: RunFolder, path: Path) -> Report:
    """Write the report of a finished run; Keras and its backend are not needed.

    The same run gives the same file.

    Args:
        folder: the run's folder.
        path: the HTML file.

    Raises:
        HiervaeError: if this is no run folder, its training did not finish, or Jinja2 or
            Matplotlib is not installed.
        DamagedFileError: if `config.json`, `metrics.json` or `history.csv` is damaged.
        OSError: if a file cannot be read or written.
    """
    config = folder.read_config()
    folder.require_model()
    metrics = folder.read_metrics()
    done = mapping(metrics.get("training"))
    missing = Missing()
    command = f"hiervae evaluate {shlex.quote(str(folder.path))}"
    if not metrics:
        missing.metrics.append(f"There is no metrics.json; measure the model with: {command}")
    images = _read_images(folder, missing)
    control = next((image for image in images if image.name == "control.png"), None)
    curves, course = _course(folder, done, control is None, missing)
    name = folder.path.resolve().name
    page = _render(
        version=metadata.version("hiervae"),
        title=f"{config.preset or 'A model'} on {data_name(config)}",
        name=name,
        introduction=_introduction(config, name),
        diverged=done.get("diverged"),
        unfinished=done.get("unfinished"),
        cards=cards(metrics),
        missing=missing,
        metrics=metric_tables(metrics, command),
        images=[image for image in images if image is not control],
        course=course,
        curves=curves,
        control=control,
        model=model_tables(config),
        data=data_tables(config),
        training=training_tables(config, done),
        commands=_commands(folder, config, name, metrics),
        settings=dump_json(config.as_dict()),
    )
    write_text(path, page)
    return Report(
        page,
        list(metrics),
        [drawing.name for drawing in curves],
        [image.name for image in images],
        missing.sentences,
    )


def _render(**values: Any) -> str:
    """Fill the page's template; whatever goes in is escaped.

    Raises:
        HiervaeError: if Jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise HiervaeError(
            f"A report needs Jinja2, which cannot be imported ({error}). "
            'Install it with: pip install "hiervae[monitoring]"'
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hiervae.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters["shown"] = shown
    return environment.get_template("report.html.j2").render(values)


def _printable(value: Any) -> Any:
    """Replace what HTML cannot hold or nobody can see by U+FFFD, before it is escaped."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return type(value)("".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in value))


def _introduction(config: RunConfig, name: str) -> str:
    variant = f", variant {config.variant}" if config.preset else ""
    return f"Run {name}{variant}, seed {config.seed}. {summary(config)}."


def _read_images(folder: RunFolder, missing: Missing) -> list[Image]:
    images = []
    for path in image_files(folder.figures):
        image = read_image(path)
        if image is None:
            missing.figures.append(f"figures/{path.name} is left out: it is no PNG file.")
        else:
            images.append(image)
    if not images:
        command = f"hiervae sample {shlex.quote(str(folder.path))}"
        needs = 'which needs matplotlib: pip install "hiervae[monitoring]"'
        missing.figures.append(f"There are no figures; draw with: {command}, {needs}")
    return images


def _course(
    folder: RunFolder, done: Any, with_control: bool, missing: Missing
) -> tuple[list[Drawing], str]:
    """Draw the course of training; also returns what is said above it."""
    rows = read_history(folder.history_file)
    if not rows:
        missing.course.append("There is no course of training: history.csv has no epochs.")
        return [], ""
    history = {key: [row[key] for row in rows] for key in rows[0]}
    epochs = history["epoch"]
    phases = zip(epochs, history.get("phase", []), strict=False)
    initial = max((epoch for epoch, phase in phases if phase == 0), default=None)
    saved = done.get("model_epoch")
    marked = saved if saved in epochs[:-1] else None
    says = (
        "Means over each epoch, with the last values below. The training loss weighs the "
        "terms by beta, as the optimiser sees them; all else is at beta = 1."
    )
    if initial is not None:
        says += " Grey: the scheduler's initial phase."
    if marked is not None:
        says += f" Dashed: epoch {saved}, whose model was kept."
    return list(drawings(history, with_control, initial, marked)), says


def _commands(folder: RunFolder, config: RunConfig, name: str, metrics: Any) -> list[str]:
    """Return the commands that give the run again."""
    backend = mapping(config.versions.get("backend")).get("name")
    again = shlex.quote(f"{name}-again")
    lines = [
        f"KERAS_BACKEND={shlex.quote(str(backend))} hiervae train "
        f"--config {shlex.quote(str(folder.config_file))} --out {again}"
    ]
    for split, record in scored_splits(metrics).items():
        if protocol := mapping(record.get("protocol")):
            lines.append(f"hiervae evaluate {again} --split {split} {_options(protocol)}")
    return lines


def _options(protocol: Any) -> str:
    count = protocol.get("num_examples")
    options = {
        "num-samples": protocol.get("num_samples"),
        "seed": protocol.get("seed"),
        "limit": None if count == protocol.get("of_examples") else count,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return " ".join(f"--{name} {shlex.quote(str(value))}" for name, value in given.items())
