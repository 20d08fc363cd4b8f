"""Histograms of log-likelihoods."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.style import (
    BLUE,
    CATEGORIES,
    GRID,
    LABEL_SIZE,
    check_distinct,
    new_figure,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hiervae.evaluation.log_likelihood_histogram import LogLikelihoodHistogram


def log_likelihood_histogram(
    histogram: LogLikelihoodHistogram,
    path: str | os.PathLike[str] | None = None,
    title: str = "",
) -> Figure:
    """Draw how log-likelihoods are spread (Tomczak & Welling 2018, Figures 5 to 7).

    Args:
        histogram: what `hiervae.evaluation.log_likelihood_histogram` counted.
        path: also write the figure to this file; the suffix chooses the format.
        title: above the axes.

    Returns:
        The figure: one outline per model, and a dashed line at each mean.

    Raises:
        ValueError: if there are more models than can be told apart.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    check_distinct("histogram", len(histogram.counts))
    figure = new_figure(5.4, 3.2)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    alone = len(histogram.counts) == 1
    for index, (name, counts) in enumerate(histogram.counts.items()):
        colour = BLUE if alone else CATEGORIES[index]
        mean = histogram.means[name]
        axes.stairs(
            counts,
            histogram.edges,
            color=colour,
            linewidth=1.6,
            label=f"{name}: mean {mean:.2f}",
            fill=alone,
            alpha=0.55 if alone else 1.0,
        )
        axes.axvline(mean, color=colour, linewidth=1.0, linestyle=(0, (4, 3)))
    style_axes(axes, title, "log p(x) (nats)", "examples")
    axes.grid(True, axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_ylim(0.0, 1.25 * axes.get_ylim()[1])  # the legend stands above the bars
    axes.legend(fontsize=LABEL_SIZE, frameon=False, loc="upper left")
    return save_figure(figure, path)
