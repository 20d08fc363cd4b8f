"""Where the KL is spent: by level, and by unit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hiervae.errors import DataError
from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.points import add_scale
from hiervae.plotting.style import (
    CATEGORIES,
    GRID,
    INK,
    LABEL_SIZE,
    MUTED,
    TICK_SIZE,
    check_distinct,
    matplotlib_module,
    new_figure,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hiervae.evaluation.kl_profile import KLProfile

_X_LABEL = "level, 1 is nearest the data"
_UNIT_RANGE = (1e-2, 10.0)


def kl_levels(
    profiles: Mapping[str, KLProfile],
    path: str | os.PathLike[str] | None = None,
    title: str = "",
) -> Figure:
    """Draw the KL of each level as bars, models side by side (Sønderby et al. 2016, Figure 5).

    Args:
        profiles: by the model's name, what `hiervae.evaluation.kl_profile` found.
        path: also write the figure to this file; the suffix chooses the format.
        title: above the bars.

    Returns:
        The figure, in nats per example. Terms that tie levels together have a bar of their own.

    Raises:
        DataError: if there are no profiles.
        ValueError: if there are more models than can be told apart.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    _check(profiles)
    check_distinct("profiles", len(profiles))
    names = list(dict.fromkeys(term.name for p in profiles.values() for term in p.terms))
    names.sort(key=_first_level)
    width = 0.8 / len(profiles)
    inches = max(4.4, 1.2 + 0.42 * len(names) * max(len(profiles), 2))
    figure = new_figure(inches, 3.2 + 0.2 * len(profiles))
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    for index, (model, profile) in enumerate(profiles.items()):
        values = [term.value for term in profile.terms]
        centers = np.array([names.index(term.name) for term in profile.terms])
        bars = axes.bar(
            centers + (index + 0.5) * width - 0.4,
            values,
            width * 0.92,
            color=CATEGORIES[index],
            label=f"{model}: {profile.total:.1f} nats",
        )
        axes.bar_label(bars, fmt="%.2g", fontsize=TICK_SIZE - 1, color=MUTED, padding=1)
    style_axes(axes, title, _X_LABEL, "KL (nats)")
    axes.set_xticks(range(len(names)), [_level_label(name) for name in names])
    axes.grid(True, axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(y=0.1)
    axes.legend(fontsize=LABEL_SIZE, frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    return save_figure(figure, path)


def kl_units(
    profiles: Mapping[str, KLProfile],
    path: str | os.PathLike[str] | None = None,
    title: str = "",
) -> Figure:
    """Draw the KL of each latent unit as a heat map a model (Sønderby et al. 2016, Figure 4).

    Args:
        profiles: by the model's name, what `hiervae.evaluation.kl_profile` found.
        path: also write the figure to this file; the suffix chooses the format.
        title: above the maps.

    Returns:
        The figure: a row a level, the highest on top, the units of each from the most to the least
        used; a logarithmic scale from 0.01 to 10 nats. A level whose term has no shares is left
        out.

    Raises:
        DataError: if there are no profiles, or no term of a model splits into units.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    _check(profiles)
    for model, profile in profiles.items():
        if all(term.per_unit is None for term in profile.terms):
            raise DataError(
                f"No KL term of {model} splits into units, because its prior is no product over "
                "units; draw `kl_levels` instead."
            )
    figure = new_figure(1.0 + 3.2 * len(profiles), 2.9)
    figure.set_layout_engine("constrained")
    panels = np.atleast_1d(figure.subplots(1, len(profiles)))
    scale = matplotlib_module("colors").LogNorm(*_UNIT_RANGE, clip=True)
    for axes, (model, profile) in zip(panels, profiles.items(), strict=True):
        rows = [(term.name, term.per_unit) for term in profile.terms if term.per_unit is not None]
        cells = np.full((len(rows), max(units.size for _, units in rows)), np.nan)
        for row, (_, units) in zip(cells, rows, strict=True):
            ordered = np.sort(units, axis=None)[::-1]
            row[: len(ordered)] = np.maximum(ordered, _UNIT_RANGE[0])
        drawn = axes.imshow(
            cells, norm=scale, cmap="magma", origin="lower", aspect="auto", interpolation="nearest"
        )
        style_axes(axes, model, "unit, most used first", "level")
        axes.set_yticks(range(len(rows)), [_level_label(name) for name, _ in rows])
    add_scale(panels[-1], drawn, "KL (nats)")
    if title:
        figure.suptitle(title, color=INK)
    return save_figure(figure, path)


def _check(profiles: Mapping[str, KLProfile]) -> None:
    if not profiles or not all(profile.terms for profile in profiles.values()):
        raise DataError("profiles is empty; give at least one model's `kl_profile`, by name.")


def _level_label(name: str) -> str:
    return name.removeprefix("kl_").replace("_", " ")


def _first_level(name: str) -> int:
    return int(_level_label(name).split()[0])
