"""What each latent unit tells of each factor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hiervae.errors import DataError
from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.points import add_scale
from hiervae.plotting.style import TICK_SIZE, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hiervae.evaluation.disentanglement import Disentanglement

_LARGEST_LABELLED = 12


def disentanglement(
    result: Disentanglement,
    path: str | os.PathLike[str] | None = None,
    factors: Sequence[str] = (),
    units: Sequence[str] = (),
    title: str = "",
) -> Figure:
    """Draw the information of each unit about each factor as a heat map.

    Args:
        result: what `hiervae.evaluation.disentanglement` found.
        path: also write the figure to this file; the suffix chooses the format.
        factors: their names; numbers from 1 by default.
        units: names of the units, such as "level 2, unit 1"; numbers from 1 by default.
        title: above the map.

    Returns:
        The figure: the mutual information as a share of the factor's entropy, from 0 to 1, and the
        scores in the title.

    Raises:
        DataError: if the names do not fit.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    num_units, num_factors = result.information.shape
    for name, given, count in (("factors", factors, num_factors), ("units", units, num_units)):
        if len(given) not in (0, count):
            raise DataError(f"{name} has {len(given)} names; expected {count}, or none.")
    shares = result.information / result.entropies
    figure = new_figure(2.6 + 0.75 * num_factors, 1.4 + 0.28 * max(num_units, 4))
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    drawn = axes.imshow(shares, vmin=0.0, vmax=1.0, cmap="viridis", aspect="auto")
    scores = (
        f"MIG {result.mig:.2f}, disentanglement {result.disentanglement:.2f}, "
        f"completeness {result.completeness:.2f}"
    )
    style_axes(axes, f"{title}\n{scores}" if title else scores, "factor", "unit")
    axes.title.set_fontsize(TICK_SIZE + 1)
    axes.set_xticks(range(num_factors), _names(factors, num_factors))
    axes.set_yticks(range(num_units), _names(units, num_units))
    if num_units <= _LARGEST_LABELLED:
        for row in range(num_units):
            for column in range(num_factors):
                share = shares[row, column]
                colour = "black" if share > 0.6 else "white"
                text = f"{share:.2f}"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    add_scale(axes, drawn, "share of the factor's entropy")
    return save_figure(figure, path)


def _names(given: Sequence[str], count: int) -> list[str]:
    return list(given) or [str(number) for number in range(1, count + 1)]
