"""Principal components of the levels, side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hiervae.errors import DataError
from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.points import draw_points
from hiervae.plotting.style import INK, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hiervae.evaluation.latent_pca import PrincipalComponents


def latent_pca(
    levels: Sequence[PrincipalComponents],
    values: ArrayLike | None = None,
    path: str | os.PathLike[str] | None = None,
    kind: str = "auto",
    value_label: str = "",
    title: str = "",
) -> Figure:
    """Draw the first two principal components of each level (Sønderby et al. 2016, Figure 6).

    Args:
        levels: what `hiervae.evaluation.latent_pca` found, z_1 first.
        values: one for each example, for the colours: labels, angles or other numbers.
        path: also write the figure to this file; the suffix chooses the format.
        kind: how to read `values`, as in `latent_space`.
        value_label: name of `values`, beside their colours.
        title: above the panels.

    Returns:
        The figure: one panel per level, z_1 on the left; the axes say which share of the variance
        they have. A level of one unit lies on a line.

    Raises:
        DataError: if there are no levels, or the values do not fit.
        ValueError: if `kind` does not fit.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    if not levels:
        raise DataError("levels is empty; give what hiervae.evaluation.latent_pca found.")
    figure = new_figure(0.9 + 2.7 * len(levels), 3.2)
    figure.set_layout_engine("constrained")
    panels = np.atleast_1d(figure.subplots(1, len(levels)))
    for number, (axes, level) in enumerate(zip(panels, levels, strict=True), start=1):
        points = np.zeros((len(level.scores), 2))
        drawn = level.scores[:, :2]
        points[:, : drawn.shape[1]] = drawn
        names = [f"component {i}, {share:.0%}" for i, share in enumerate(level.explained[:2], 1)]
        style_axes(axes, f"level {number}", *names)
        last = number == len(levels)
        draw_points(axes, points, values, kind, value_label, faint=False, with_key=last)
    if title:
        figure.suptitle(title, color=INK)
    return save_figure(figure, path)
