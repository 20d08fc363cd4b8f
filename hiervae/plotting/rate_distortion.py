"""Models in the plane of rate and distortion."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hiervae.errors import DataError
from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.style import (
    CATEGORIES,
    GRID,
    LABEL_SIZE,
    MUTED,
    TICK_SIZE,
    new_figure,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hiervae.evaluation.rate_distortion import RateDistortion

_MARKERS = "osD^vP"


def rate_distortion(
    points: Mapping[str, RateDistortion],
    path: str | os.PathLike[str] | None = None,
    title: str = "",
) -> Figure:
    """Draw models by rate and distortion (Alemi et al. 2018).

    Args:
        points: by the model's name, what `hiervae.evaluation.rate_distortion` found.
        path: also write the figure to this file; the suffix chooses the format.
        title: above the axes.

    Returns:
        The figure: a marker per model, and for each the line of all models of the same ELBO.

    Raises:
        DataError: if there are no points.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    if not points:
        raise DataError("points is empty; give the rate and distortion of at least one model.")
    figure = new_figure(5.0, 3.8)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    rates = np.array([point.rate for point in points.values()])
    distortions = np.array([point.distortion for point in points.values()])
    pad = 0.15 * max(np.ptp(rates), np.ptp(distortions), 0.05 * abs(rates).max(), 1.0)
    limits = np.array([rates.min() - pad, rates.max() + pad])
    for index, (name, point) in enumerate(points.items()):
        axes.plot(limits, -point.elbo - limits, color=GRID, linewidth=1.0, zorder=1)
        axes.scatter(
            point.rate,
            point.distortion,
            s=42,
            color=CATEGORIES[index % len(CATEGORIES)],
            marker=_MARKERS[index % len(_MARKERS)],
            label=f"{name}: ELBO {point.elbo:.1f}",
            zorder=2,
        )
    style_axes(axes, title, "rate R: KL (nats)", "distortion D: -E[log p(x | z)] (nats)")
    axes.set_xlim(*limits)
    axes.set_ylim(distortions.min() - pad, distortions.max() + pad)
    axes.annotate(
        "lines of equal ELBO",
        (0.99, 0.02),
        xycoords="axes fraction",
        ha="right",
        fontsize=TICK_SIZE,
        color=MUTED,
    )
    axes.legend(fontsize=LABEL_SIZE, frameon=False)
    return save_figure(figure, path)
