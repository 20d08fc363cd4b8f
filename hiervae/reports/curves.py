"""Curves of training as drawings in the page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hiervae import plotting
from hiervae.plotting.figure_file import svg_of
from hiervae.reports.images import data_address
from hiervae.reports.tables import NATS, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Columns = dict[str, list[float]]

PANELS = {"loss": "loss", "elbo": "ELBO", "reconstruction": "reconstruction", "kl": "KL"}

CONTROL = {"beta": "β", "constraint": "constraint Ĉ"}
"""The rule's own course; its values in validation are constants."""

PIXELS_PER_INCH = 80


@dataclass(frozen=True)
class Drawing:
    """Curves over the epochs.

    Attributes:
        name: of what is drawn.
        source: an SVG file as a data address.
        alternative: what it shows, in words.
        last: the last value of each curve with its label.
        width: in pixels.
        height: in pixels.
    """

    name: str
    source: str
    alternative: str
    last: list[str]
    width: int
    height: int


def drawings(
    history: Columns, with_control: bool, initial: float | None, marked: float | None
) -> Iterator[Drawing]:
    """Draw loss, terms and levels; what has no finite value is left out.

    Args:
        history: columns of one length, "epoch" among them.
        with_control: draw beta and the constraint as well.
        initial: last epoch of the scheduler's initial phase, which is shaded.
        marked: an epoch to mark, that of the saved model.

    Raises:
        HiervaeError: if Matplotlib is not installed.
    """
    panels = {
        key: (title, {"training": key, "validation": f"val_{key}"}) for key, title in PANELS.items()
    }
    levels = [key for key in history if key.removeprefix("kl_").isdigit()]
    if len(levels) > 1:
        columns = {f"level {key.removeprefix('kl_')}": key for key in levels}
        panels["kl_levels"] = ("KL of each level, training", columns)
    if with_control:
        panels |= {key: (title, {"training": key}) for key, title in CONTROL.items()}
    for key, (title, columns) in panels.items():
        curves = {label: history[name] for label, name in columns.items() if name in history}
        if any(math.isfinite(value) for values in curves.values() for value in values):
            unit = "" if key == "beta" else NATS
            figure = plotting.training_curves(
                curves,
                history["epoch"],
                initial=initial,
                marked=marked,
                title=title,
                y_label=unit,
            )
            yield _drawing(key, title, curves, figure)


def _drawing(
    name: str, title: str, curves: dict[str, Sequence[float]] | Columns, figure: Figure
) -> Drawing:
    last = [f"{label} {shown(float(values[-1]))}" for label, values in curves.items()]
    width, height = (round(inches * PIXELS_PER_INCH) for inches in figure.get_size_inches())
    alternative = f"{title} over epochs: {'; '.join(last)}"
    return Drawing(name, data_address(svg_of(figure), "svg+xml"), alternative, last, width, height)
