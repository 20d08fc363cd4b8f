"""Points of a plane, coloured by what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError
from hiervae.manifold.checks import finite_matrix
from hiervae.plotting.series import as_series
from hiervae.plotting.style import (
    BLUE,
    CATEGORIES,
    INK,
    LABEL_SIZE,
    TICK_SIZE,
    angle_colormap,
)
from hiervae.utils.arrays import labels_or_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

_FULL_TURN = 2.0 * np.pi


def as_plane_points(name: str, values: ArrayLike) -> FloatArray:
    """Return `values` as finite points (n, 2), n >= 1.

    Raises:
        DataError: if they are something else.
    """
    points = finite_matrix(values, name)
    if points.shape[1] != 2:
        raise DataError(
            f"{name} has {points.shape[1]} dimensions; only two can be drawn. Take two columns, or "
            "a projection to the plane."
        )
    return points


def marker_area(num_points: int) -> float:
    """Area of a marker in square points, the smaller the more of them there are."""
    return float(np.clip(15_000 / num_points, 3.0, 22.0))


def plain_color(faint: bool) -> str:
    """Colour of points without values; faint ones are under a graph."""
    return INK if faint else BLUE


def draw_points(
    axes: Axes,
    points: FloatArray,
    values: ArrayLike | None,
    kind: str,
    value_label: str,
    faint: bool,
    with_key: bool = True,
) -> None:
    """Scatter points in the colours of their values, with a legend or a colour scale.

    Args:
        axes: where to draw.
        points: shape (n, 2).
        values: shape (n,), or None.
        kind: "auto", "category", "angle", "number" or "density".
        value_label: name of the values.
        faint: draw points without values lightly, under a graph.
        with_key: add the legend or the colour scale; one of several panels needs it.
    """
    x, y = points[:, 0], points[:, 1]
    if kind == "density":
        if values is not None:
            raise ValueError("kind='density' counts latents and takes no values; leave them out.")
        cells = axes.hexbin(x, y, gridsize=55, mincnt=1, cmap="viridis", linewidths=0.1, zorder=2)
        if with_key:
            add_scale(axes, cells, "latents in a cell")
        return
    look: dict[str, Any] = {"s": marker_area(len(points)), "linewidths": 0, "zorder": 2}
    if values is None:
        if kind != "auto":
            raise ValueError(f"kind={kind!r} needs values; give one for each latent.")
        axes.scatter(x, y, color=plain_color(faint), alpha=0.35 if faint else 0.7, **look)
        return
    entries = labels_or_numbers(values, "values")
    if entries.shape != (len(points),):
        raise DataError(
            f"values has shape {entries.shape}; expected ({len(points)},), one for each latent."
        )
    if kind == "category" or (kind == "auto" and _is_categorical(entries)):
        _draw_categories(axes, points, entries, value_label, look, with_key)
        return
    numbers = as_series("values", entries)
    if kind == "angle":
        drawn = axes.scatter(
            x,
            y,
            c=np.mod(numbers, _FULL_TURN),
            cmap=angle_colormap(),
            vmin=0.0,
            vmax=_FULL_TURN,
            **look,
        )
        if with_key:
            bar = add_scale(axes, drawn, value_label)
            bar.set_ticks(np.arange(5) * np.pi / 2, labels=["0", "π/2", "π", "3π/2", "2π"])
        return
    drawn = axes.scatter(x, y, c=numbers, cmap="viridis", **look)
    if with_key:
        add_scale(axes, drawn, value_label)


def _is_categorical(entries: NDArray[Any]) -> bool:
    """Whether these are few labels rather than numbers on a scale."""
    return entries.dtype.kind in "biuSU" and len(np.unique(entries)) <= len(CATEGORIES)


def _draw_categories(
    axes: Axes,
    points: FloatArray,
    entries: NDArray[Any],
    label: str,
    look: dict[str, Any],
    with_key: bool,
) -> None:
    names, codes = np.unique(entries, return_inverse=True)
    if len(names) > len(CATEGORIES):
        raise ValueError(
            f"values has {len(names)} categories; {len(CATEGORIES)} can be told apart. Join some, "
            "or draw them with kind='number'."
        )
    # Shuffled, so that no category lies on top of the others everywhere.
    order = np.random.default_rng(0).permutation(len(points))
    colors = np.array(CATEGORIES)[codes]
    axes.scatter(points[order, 0], points[order, 1], c=colors[order], **look)
    if not with_key:
        return
    for code, name in enumerate(names):
        axes.scatter([], [], s=36, color=CATEGORIES[code], label=str(name))
    legend = axes.figure.legend(
        loc="outside right center",
        fontsize=LABEL_SIZE,
        frameon=False,
        title=label or None,
        handletextpad=0.2,
    )
    legend.get_title().set_fontsize(LABEL_SIZE)


def add_scale(axes: Axes, drawn: Any, label: str) -> Any:
    """A colour scale beside the axes."""
    bar = axes.figure.colorbar(drawn, ax=axes, shrink=0.7, pad=0.02, aspect=28)
    bar.set_label(label, fontsize=LABEL_SIZE, color=INK)
    bar.ax.tick_params(labelsize=TICK_SIZE)
    bar.outline.set_visible(False)
    return bar
