"""How much the posterior mean of each latent unit varies over the data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hiervae.errors import DataError
from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.style import (
    CATEGORIES,
    LABEL_SIZE,
    MUTED,
    check_distinct,
    new_figure,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hiervae.evaluation.active_units import ActiveUnits

_MARKERS = "os^Dvp*h"
_SMALLEST = 1e-8


def active_units(
    found: Mapping[str, ActiveUnits],
    path: str | os.PathLike[str] | None = None,
    title: str = "",
    levels: Sequence[str] | None = None,
) -> Figure:
    """Draw the variances that tell active units from others (Burda et al. 2016), a panel a level.

    Args:
        found: by the model's name, what `hiervae.evaluation.active_units` found.
        path: also write the figure to this file; the suffix chooses the format.
        title: above the panels.
        levels: what to call the levels; None for "level 1" and so on.

    Returns:
        The figure: the units of each level from the most to the least active on a logarithmic
        scale, the threshold as a dashed line, and the number of active units in the legend.

    Raises:
        DataError: if there are no models, or they differ in the number of levels or their names.
        ValueError: if there are more models than can be told apart.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    counts = {name: len(units.variances) for name, units in found.items()}
    depth = next(iter(counts.values()), 0)
    names = [f"level {k}" for k in range(1, depth + 1)] if levels is None else list(levels)
    if depth == 0 or set(counts.values()) != {depth} or len(names) != depth:
        raise DataError(
            f"found has the numbers of levels {counts}, and there are {len(names)} names; expected "
            "one or more models of equally many levels, and a name for each level."
        )
    check_distinct("found", len(found))
    figure = new_figure(0.6 + 3.2 * depth, 3.2)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(1, depth, sharey=True, squeeze=False)[0]
    for level, (axes, name) in enumerate(zip(panels, names, strict=True)):
        for index, (model, units) in enumerate(found.items()):
            variances = np.sort(units.variances[level], axis=None)[::-1]
            axes.plot(
                np.arange(1, variances.size + 1),
                np.maximum(variances, _SMALLEST),
                _MARKERS[index % len(_MARKERS)],
                color=CATEGORIES[index],
                markersize=4,
                label=f"{model}: {units.counts[level]} of {variances.size} active",
            )
            axes.axhline(units.threshold, color=MUTED, linewidth=0.8, linestyle="--")
        axes.set_yscale("log")
        y_label = "variance of the posterior mean" if level == 0 else ""
        style_axes(axes, name, "unit, most active first", y_label)
        axes.legend(fontsize=LABEL_SIZE, frameon=False, loc="best")
    if title:
        figure.suptitle(title)
    return save_figure(figure, path)
