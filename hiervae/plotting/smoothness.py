"""Smoothness factors of interpolations, by output dimension."""

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
    INK,
    LABEL_SIZE,
    TICK_SIZE,
    new_figure,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hiervae.manifold.smoothness_profile import SmoothnessProfile

_MARKERS = "osD^vP"


def smoothness(
    profiles: Mapping[str, SmoothnessProfile],
    path: str | os.PathLike[str] | None = None,
    groups: Mapping[str, int] | None = None,
    x_label: str = "output dimension",
    title: str = "",
) -> Figure:
    """Draw smoothness factors with their spread over paths (Klushyn et al. 2019, Figure 7).

    Args:
        profiles: by the model's name, what `hiervae.manifold.smoothness_profile` measured, of one
            output shape.
        path: also write the figure to this file; the suffix chooses the format.
        groups: parts of the output by name, such as those of a body, with the number of
            dimensions of each, in their order.
        x_label: what the dimensions are.
        title: above the axes.

    Returns:
        The figure: mean and standard deviation over the paths for each dimension, the groups told
        apart by their background.

    Raises:
        DataError: if there are no profiles, their shapes differ, or the groups do not add up.
        ValueError: if there are more models than can be told apart.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    sizes = {profile.mean.size for profile in profiles.values()}
    if len(sizes) != 1:
        raise DataError(
            f"profiles holds outputs of the sizes {sorted(sizes)}; expected at least one model, "
            "and one size."
        )
    if len(profiles) > len(_MARKERS):
        raise ValueError(
            f"profiles holds {len(profiles)} models; at most {len(_MARKERS)} can be told apart."
        )
    (size,) = sizes
    parts = dict(groups or {})
    if parts and sum(parts.values()) != size:
        raise DataError(
            f"The groups have {sum(parts.values())} dimensions together; expected {size}."
        )
    figure = new_figure(8.4, 3.6)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    for index, (name, profile) in enumerate(profiles.items()):
        shift = 0.22 * (index - (len(profiles) - 1) / 2)
        axes.errorbar(
            np.arange(1, size + 1) + shift,
            profile.mean.ravel(),
            profile.std.ravel(),
            fmt=_MARKERS[index],
            markersize=3.5,
            linewidth=1.0,
            color=CATEGORIES[index],
            label=f"{name}: mean {profile.mean.mean():.3g}",
        )
    style_axes(axes, title, x_label, "smoothness factor, smaller is smoother")
    axes.set_xlim(0.0, size + 1.0)
    axes.set_ylim(bottom=0.0)
    top = axes.get_ylim()[1]
    start = 0.5
    for index, (name, count) in enumerate(parts.items()):
        if index % 2 == 0:
            axes.axvspan(start, start + count, color=GRID, alpha=0.5, linewidth=0, zorder=0)
        middle = start + count / 2
        axes.text(middle, top, name, ha="center", va="top", fontsize=TICK_SIZE, color=INK)
        start += count
    figure.legend(
        loc="outside lower center", ncols=len(profiles), fontsize=LABEL_SIZE, frameon=False
    )
    return save_figure(figure, path)
