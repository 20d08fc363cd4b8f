"""The latent space at several moments of training."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hiervae.errors import DataError
from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.points import FloatArray, as_plane_points, marker_area
from hiervae.plotting.series import as_series, scale_for
from hiervae.plotting.style import (
    BLUE,
    GRID,
    INK,
    LABEL_SIZE,
    RED,
    TICK_SIZE,
    grey_colormap,
    new_figure,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANEL_INCHES = 1.75


@dataclass(frozen=True, eq=False)
class LatentSnapshot:
    """A two-dimensional latent space at one training step.

    Attributes:
        step: the training step.
        means: posterior means, shape (n, 2).
        stddevs: posterior standard deviations of the same examples, shape (n, 2).
        prior_samples: draws of the prior, shape (m, 2).
    """

    step: int
    means: ArrayLike
    stddevs: ArrayLike
    prior_samples: ArrayLike


def latent_snapshots(
    snapshots: Sequence[LatentSnapshot],
    steps: ArrayLike,
    beta: ArrayLike,
    path: str | os.PathLike[str] | None = None,
    title: str = "",
) -> Figure:
    """Draw the course of training (Klushyn et al. 2019, Figure 2).

    One column for each snapshot: posterior means above, prior samples below, on the same axes. The
    grey of a mean is its posterior's standard deviation, averaged over both dimensions, on one
    scale for all columns: even grey says that the examples share equally in the KL. At the right
    beta over the steps, with the snapshots marked in red.

    Args:
        snapshots: one or more, in the order of their steps.
        steps: training steps of the beta curve, shape (t,).
        beta: beta at these steps, shape (t,).
        path: also write the figure to this file; the suffix chooses the format.
        title: above the panels.

    Returns:
        The figure.

    Raises:
        DataError: if there are no snapshots, or an array has the wrong shape or is not finite.
        ValueError: if the suffix of `path` names no format.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    if not snapshots:
        raise DataError("snapshots is empty; give at least one LatentSnapshot.")
    curve = as_series("beta", beta)
    at = as_series("steps", steps, len(curve))
    means = [as_plane_points("means", snapshot.means) for snapshot in snapshots]
    priors = [as_plane_points("prior_samples", entry.prior_samples) for entry in snapshots]
    spreads = [as_plane_points("stddevs", snapshot.stddevs).mean(axis=1) for snapshot in snapshots]
    for snapshot, mean, spread in zip(snapshots, means, spreads, strict=True):
        if len(mean) != len(spread):
            raise DataError(
                f"The snapshot at step {snapshot.step} has {len(mean)} means and {len(spread)} "
                "standard deviations; expected one for each."
            )

    columns = len(snapshots)
    figure = new_figure(_PANEL_INCHES * columns + 3.6, 2 * _PANEL_INCHES + 0.7)
    figure.set_layout_engine("constrained")
    if title:
        figure.suptitle(title, fontsize=LABEL_SIZE + 2, color=INK)
    widths = (_PANEL_INCHES * columns + 0.8, 2.8)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=widths)[0]
    panels = left.subplots(2, columns, squeeze=False)
    low, high = np.percentile(np.concatenate(spreads), [1, 99])
    high = high if high > low else low + 1e-12
    for column, snapshot in enumerate(snapshots):
        above, below = panels[:, column]
        above.set_title(f"step {snapshot.step:,}", fontsize=LABEL_SIZE, color=INK)
        mean, prior = means[column], priors[column]
        drawn = above.scatter(
            mean[:, 0],
            mean[:, 1],
            c=spreads[column],
            s=marker_area(6 * len(mean)),
            cmap=grey_colormap(),
            vmin=low,
            vmax=high,
            linewidths=0,
        )
        area = marker_area(6 * len(prior))
        below.scatter(prior[:, 0], prior[:, 1], color=BLUE, s=area, linewidths=0, alpha=0.7)
        for axes, name in ((above, "posterior"), (below, "prior")):
            _frame(axes, np.concatenate([mean, prior]))
            if column == 0:
                axes.set_ylabel(name, fontsize=LABEL_SIZE, color=INK)
    bar = left.colorbar(drawn, ax=panels[0], pad=0.01, aspect=18, shrink=0.9)
    bar.set_label("posterior std", fontsize=LABEL_SIZE, color=INK)
    bar.ax.tick_params(labelsize=TICK_SIZE)
    bar.outline.set_visible(False)

    panel = right.subplots()
    style_axes(panel, x_label="training step", y_label="β")
    panel.plot(at, curve, color=INK, linewidth=1.5)
    for snapshot in snapshots:
        panel.axvline(snapshot.step, color=RED, linewidth=1.1)
    panel.grid(True, axis="y", color=GRID, linewidth=0.6)
    scale_for(panel, curve)
    return save_figure(figure, path)


def _frame(axes: Axes, points: FloatArray) -> None:
    """Show a square around the points, in a light frame without ticks."""
    low, high = points.min(axis=0), points.max(axis=0)
    reach = 0.55 * float((high - low).max()) or 1.0
    center = 0.5 * (low + high)
    axes.set_xlim(center[0] - reach, center[0] + reach)
    axes.set_ylim(center[1] - reach, center[1] + reach)
    axes.set_box_aspect(1)
    axes.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_color(GRID)
