"""Curves of training as drawings in the page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hiervae.runs.report_measures import NATS
from hiervae.runs.report_page import Markup, element, shown

Columns = dict[str, list[float]]

PANELS = {
    "loss": ("loss", NATS),
    "elbo": ("ELBO", NATS),
    "reconstruction": ("reconstruction", NATS),
    "kl": ("KL", NATS),
}

CONTROL_PANELS = {"beta": ("beta", ""), "constraint": ("constraint Ĉ", NATS)}
"""The rule's own course; its values in validation are constants."""

TRAINING, VALIDATION = "var(--train)", "var(--valid)"
LEVELS = ("#7b68d4", "#cc6677", "#2f9e5f", "#c89a20", "#4fa8d8", "#b0457f", "#44aa99", "#999933")

WIDTH, HEIGHT = 380, 235
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 30, 34

LOG_RATIO = 30.0
"""Positive values that differ more than by this factor are drawn on a logarithmic axis."""


@dataclass(frozen=True)
class Curve:
    """One line of a panel.

    Attributes:
        label: in the legend.
        values: one an epoch; those that are not finite leave a gap.
        color: a CSS colour.
    """

    label: str
    values: Sequence[float]
    color: str


@dataclass(frozen=True)
class _Axis:
    """From values to places along one side of the drawing, and the ticks there."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return self.start + (self.end - self.start) * (at - low) / (high - low)

    def ticks(self) -> list[float]:
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            every = math.ceil(len(decades) / 5)
            found = [10.0**power for power in decades if power % every == 0]
        else:
            step = 10.0 ** math.floor(math.log10((self.high - self.low) / 4))
            step *= next(m for m in (1, 2, 5, 10) if (self.high - self.low) / (step * m) <= 5)
            first = math.ceil(self.low / step)
            found = [n * step for n in range(first, math.floor(self.high / step) + 1)]
        return [tick for tick in found if self.low <= tick <= self.high]


def panels(
    history: Columns, with_control: bool, initial: float | None, marked: float | None
) -> Iterator[tuple[str, Markup]]:
    """The names of what is drawn, and the drawings.

    Args:
        history: columns of one length, "epoch" among them.
        with_control: draw beta and the constraint as well.
        initial: last epoch of the scheduler's initial phase, which is shaded.
        marked: an epoch to mark, that of the saved model.
    """
    wanted: dict[str, tuple[str, str, list[Curve]]] = {}
    for key, (title, unit) in PANELS.items():
        sides = {key: ("training", TRAINING), f"val_{key}": ("validation", VALIDATION)}
        wanted[key] = title, unit, _curves(history, sides)
    levels = [key for key in history if key.removeprefix("kl_").isdigit()]
    if len(levels) > 1:
        colors = {
            key: (f"level {key.removeprefix('kl_')}", LEVELS[i % len(LEVELS)])
            for i, key in enumerate(levels)
        }
        wanted["kl_levels"] = "KL of each level, training", NATS, _curves(history, colors)
    if with_control:
        for key, (title, unit) in CONTROL_PANELS.items():
            wanted[key] = title, unit, _curves(history, {key: ("training", TRAINING)})
    for key, (title, unit, curves) in wanted.items():
        drawn = panel(title, unit, history["epoch"], curves, initial, marked)
        if drawn is not None:
            yield key, drawn


def _curves(history: Columns, labels: Mapping[str, tuple[str, str]]) -> list[Curve]:
    return [
        Curve(label, history[key], color)
        for key, (label, color) in labels.items()
        if key in history
    ]


def panel(
    title: str,
    unit: str,
    epochs: Sequence[float],
    curves: Sequence[Curve],
    initial: float | None = None,
    marked: float | None = None,
) -> Markup | None:
    """A figure of curves over epochs with the last values as its legend; None if none is finite.

    Args:
        title: above the curves.
        unit: of the values.
        epochs: rising.
        curves: of the same length each.
        initial: last epoch of the scheduler's initial phase, which is shaded.
        marked: an epoch to mark, that of the saved model.
    """
    values = [value for curve in curves for value in curve.values if math.isfinite(value)]
    if not values:
        return None
    x = _Axis(*_range(epochs[0], epochs[-1], 0.0), LEFT, WIDTH - RIGHT)
    log = min(values) > 0 and max(values) / min(values) > LOG_RATIO
    margin = 0.0 if log else 0.04
    y = _Axis(*_range(min(values), max(values), margin), HEIGHT - BOTTOM, TOP, log)
    label = f"{title} over epochs: " + "; ".join(_last(curve) for curve in curves)
    drawing = element(
        "svg",
        _text(0, 13, title, class_="title"),
        _text(WIDTH - RIGHT, 13, unit, text_anchor="end"),
        *_ticks(x, y),
        *_shade(x, initial),
        *_mark(x, marked),
        *(part for curve in curves for part in _lines(curve, epochs, x, y)),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=label,
    )
    legend = [
        element("span", "● ", _last(curve), Markup("&emsp;"), style=f"color: {curve.color}")
        for curve in curves
    ]
    return element("figure", drawing, element("figcaption", *legend))


def _range(low: float, high: float, margin: float) -> tuple[float, float]:
    if low == high:
        margin, spread = 1.0, abs(low) * 0.05 or 0.5
    else:
        spread = high - low
    return low - margin * spread, high + margin * spread


def _last(curve: Curve) -> str:
    return f"{curve.label} {shown(float(curve.values[-1]))}"


def _text(x: float, y: float, content: str, **attributes: object) -> Markup:
    return element("text", content, x=f"{x:.1f}", y=f"{y:.1f}", **attributes)


def _line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    return element(
        "line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", class_=class_
    )


def _ticks(x: _Axis, y: _Axis) -> list[Markup]:
    parts = []
    for tick in y.ticks():
        at = y.place(tick)
        parts.append(_line(LEFT, at, WIDTH - RIGHT, at, "grid-line"))
        parts.append(_text(LEFT - 6, at + 4, f"{tick:g}", text_anchor="end"))
    for tick in x.ticks():
        if tick == int(tick):
            parts.append(
                _text(x.place(tick), HEIGHT - BOTTOM + 15, f"{tick:g}", text_anchor="middle")
            )
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "epoch", text_anchor="middle"))
    return parts


def _shade(x: _Axis, initial: float | None) -> list[Markup]:
    if initial is None:
        return []
    width = x.place(initial) - LEFT
    return [
        element(
            "rect",
            x=LEFT,
            y=TOP,
            width=f"{width:.1f}",
            height=HEIGHT - TOP - BOTTOM,
            class_="shade",
        )
    ]


def _mark(x: _Axis, marked: float | None) -> list[Markup]:
    if marked is None:
        return []
    return [_line(x.place(marked), TOP, x.place(marked), HEIGHT - BOTTOM, "mark")]


def _lines(curve: Curve, epochs: Sequence[float], x: _Axis, y: _Axis) -> list[Markup]:
    """Runs of finite values; a dot where one stands alone."""
    runs: list[list[tuple[float, float]]] = [[]]
    for epoch, value in zip(epochs, curve.values, strict=True):
        if math.isfinite(value):
            runs[-1].append((x.place(epoch), y.place(value)))
        elif runs[-1]:
            runs.append([])
    parts = []
    for run in filter(None, runs):
        if len(run) == 1:
            (at_x, at_y), *_ = run
            parts.append(
                element("circle", cx=f"{at_x:.1f}", cy=f"{at_y:.1f}", r=3, fill=curve.color)
            )
        else:
            points = " ".join(f"{at_x:.1f},{at_y:.1f}" for at_x, at_y in run)
            parts.append(element("polyline", points=points, stroke=curve.color, class_="curve"))
    return parts
