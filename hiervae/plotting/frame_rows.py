"""Rows of images or of small line plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hiervae.plotting.frames import FloatArray
from hiervae.plotting.style import BLUE, INK, LABEL_SIZE, TITLE_SIZE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TILE_PIXELS = 96
_GAP_PIXELS = 5
_TILE_INCHES = 0.72
_LINE_COLORS = (INK, BLUE)


def draw_rows(
    rows: Sequence[FloatArray],
    limits: tuple[float, float],
    title: str = "",
    labels: Sequence[str] = (),
    group: int = 1,
) -> Figure:
    """Draw rows of frames.

    Args:
        rows: images (n, height, width, channels) or line plots (n, lines, d) of one shape.
        limits: the values drawn in black and white, or at the bottom and top.
        title: above the rows.
        labels: one for each row, at its left.
        group: rows that stand close together.
    """
    columns = max(len(row) for row in rows)
    is_image = rows[0].ndim == 4
    aspect = rows[0].shape[1] / rows[0].shape[2] if is_image else 0.75
    tile = _TILE_INCHES if is_image else 1.2
    gap = tile * _GAP_PIXELS / _TILE_PIXELS
    height, width = tile * min(aspect, 1.0), tile * min(1.0 / aspect, 1.0)
    left = 0.12 + (0.1 * max(map(len, labels)) if labels else 0.0)
    top = 0.38 if title else 0.1
    # Tops of the rows, in inches from the top of the page.
    tops = [
        top + index * (height + gap) + (index // group) * 2 * gap * (group > 1)
        for index in range(len(rows))
    ]
    page_width = left + max(columns * (width + gap) + 0.1, 0.2 + 0.09 * len(title))
    page_height = tops[-1] + height + 0.12
    figure = new_figure(page_width, page_height)
    # One set of axes in inches, downwards from the top left: a set for each frame is slow.
    page = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    page.axis("off")
    text: dict[str, Any] = {"va": "center", "color": INK}
    if title:
        page.text(left, 0.2, title, fontsize=TITLE_SIZE, **text)
    for index, row in enumerate(rows):
        if labels:
            middle = tops[index] + 0.5 * height
            page.text(left - 0.08, middle, labels[index], ha="right", fontsize=LABEL_SIZE, **text)
        for column, frame in enumerate(row):
            x = left + column * (width + gap)
            box = (x, x + width, tops[index] + height, tops[index])
            if is_image:
                page.imshow(_pixels(frame, limits), interpolation="nearest", extent=box)
            else:
                _draw_lines(page, frame, limits, box)
    page.set_xlim(0.0, page_width)
    page.set_ylim(page_height, 0.0)
    page.set_aspect("auto")
    return figure


def _draw_lines(
    page: Axes,
    lines: FloatArray,
    limits: tuple[float, float],
    box: tuple[float, float, float, float],
) -> None:
    """Draw lines (k, d) into a framed box (left, right, bottom, top)."""
    left, right, bottom, top = box
    page.fill([left, right, right, left], [top, top, bottom, bottom], color="#f5f5f5")
    margin = 0.06
    x = np.linspace(left + margin, right - margin, lines.shape[1])
    heights = np.clip((lines - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0)
    y = bottom - margin - heights * (bottom - top - 2 * margin)
    for line, color in zip(y, _LINE_COLORS, strict=False):
        page.plot(x, line, color=color, linewidth=1.0)


def _pixels(image: FloatArray, limits: tuple[float, float]) -> NDArray[np.float64]:
    """Values (height, width, channels) as colours in [0, 1] with three or four channels."""
    scaled = np.clip((image - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0)
    return np.repeat(scaled, 3, axis=2) if image.shape[2] == 1 else scaled
