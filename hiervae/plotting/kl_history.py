"""The KL of each unit over training."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from hiervae.errors import DataError
from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.points import add_scale
from hiervae.plotting.style import INK, matplotlib_module, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hiervae.evaluation.kl_history import KLHistory

_UNIT_RANGE = (1e-2, 10.0)


def kl_history(
    history: KLHistory,
    path: str | os.PathLike[str] | None = None,
    x_label: str = "training step",
    title: str = "",
) -> Figure:
    """Draw the KL of each unit over training (Sønderby et al. 2016, Figure 4).

    Args:
        history: what `hiervae.evaluation.kl_history` joined.
        path: also write the figure to this file; the suffix chooses the format.
        x_label: what `history.steps` counts.
        title: above the panels.

    Returns:
        The figure: one panel per level, the highest on top; time from left to right, the units from
        the most to the least used at the end; a logarithmic scale from 0.01 to 10 nats. A level
        whose term has no shares has one row, the whole term.

    Raises:
        DataError: if there are no moments.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    if not len(history.steps):
        raise DataError("history has no moments; expected at least one.")
    rows = {
        name: history.units.get(name, values[:, None]) for name, values in history.values.items()
    }
    figure = new_figure(6.0, 1.1 + 1.25 * len(rows))
    figure.set_layout_engine("constrained")
    panels = np.atleast_1d(figure.subplots(len(rows), 1, sharex=True))
    scale = matplotlib_module("colors").LogNorm(*_UNIT_RANGE, clip=True)
    edges = _edges(history.steps)
    for axes, (name, units) in zip(panels, reversed(rows.items()), strict=True):
        order = np.argsort(units[-1])[::-1]
        drawn = axes.pcolormesh(
            edges,
            np.arange(units.shape[1] + 1) + 0.5,
            np.maximum(units[:, order].T, _UNIT_RANGE[0]),
            norm=scale,
            cmap="magma",
        )
        level = name.removeprefix("kl_").replace("_", " ")
        alone = name not in history.units
        style_axes(axes, f"level {level}", "", "whole term" if alone else "unit, by use")
        axes.invert_yaxis()
        axes.locator_params(axis="y", integer=True, nbins=4)
        add_scale(axes, drawn, "KL (nats)")
    panels[-1].set_xlabel(x_label)
    if title:
        figure.suptitle(title, color=INK)
    return save_figure(figure, path)


def _edges(steps: np.ndarray) -> np.ndarray:
    """Borders between the moments, half-way between neighbours."""
    if len(steps) == 1:
        return np.array([steps[0] - 0.5, steps[0] + 0.5])
    middles = 0.5 * (steps[1:] + steps[:-1])
    first, last = 2 * steps[0] - middles[0], 2 * steps[-1] - middles[-1]
    return np.concatenate([[first], middles, [last]])
