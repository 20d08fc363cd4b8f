"""Beta and the constraint over training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError
from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.series import as_series, scale_for
from hiervae.plotting.style import (
    BLUE,
    GRID,
    INK,
    LABEL_SIZE,
    MUTED,
    ORANGE,
    RED,
    new_figure,
    style_axes,
)
from hiervae.utils.validation import check_positive_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_X_LABELS = {"step": "training step", "epoch": "epoch"}


def control_history(
    history: Mapping[str, ArrayLike],
    path: str | os.PathLike[str] | None = None,
    kappa_squared: float | None = None,
    title: str = "",
) -> Figure:
    """Draw how beta and the running reconstruction error C-hat went.

    Args:
        history: series of one length, such as `fit(...).history`: "beta" and "constraint" (nats),
            "phase" (0 in the initial phase) where there is one, and "step" or "epoch" for the x
            axis; without these, entries are taken as epochs 1, 2, ...
        path: also write the figure to this file; the suffix chooses the format.
        kappa_squared: the bound on the constraint, in nats per example, drawn as a line; a
            scheduler's `bound(num_dimensions)`.
        title: above the panels.

    Returns:
        The figure: beta above, the constraint below; a logarithmic axis where a series spans
        orders of magnitude, and the initial phase shaded.

    Raises:
        DataError: if a series is missing, of another length or not finite.
        ValueError: if `kappa_squared` is not positive.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    missing = {"beta", "constraint"} - history.keys()
    if missing:
        raise DataError(
            f"history has the entries {sorted(history)}; {' and '.join(sorted(missing))} missing. "
            "Give the history of a fit under a BetaController."
        )
    beta = as_series("beta", history["beta"])
    constraint = as_series("constraint", history["constraint"], len(beta))
    axis = next((key for key in _X_LABELS if key in history), "epoch")
    x = as_series(axis, history.get(axis, np.arange(1, len(beta) + 1)), len(beta))
    figure = new_figure(6.4, 4.4)
    figure.set_layout_engine("constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    marker = "o" if len(x) == 1 else None
    above.plot(x, beta, color=BLUE, linewidth=1.6, marker=marker)
    below.plot(x, constraint, color=ORANGE, linewidth=1.6, marker=marker)
    style_axes(above, title, y_label="β")
    style_axes(below, x_label=_X_LABELS[axis], y_label="constraint Ĉ (nats)")
    scale_for(above, beta)
    scale_for(below, constraint)
    if kappa_squared is not None:
        bound = check_positive_number("kappa_squared", kappa_squared)
        below.axhline(bound, color=INK, linewidth=1.0, linestyle=(0, (5, 3)))
        below.annotate(
            f"bound {bound:.4g} nats",
            xy=(1.0, bound),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 4),
            textcoords="offset points",
            ha="right",
            fontsize=LABEL_SIZE,
            color=INK,
        )
    for axes in (above, below):
        axes.grid(True, color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
    if "phase" in history:
        change = _phase_change(as_series("phase", history["phase"], len(beta)))
        start, end = x[0], x[-1] if change is None else x[change]
        for axes in (above, below):
            if end > start:
                axes.axvspan(start, end, color=GRID, alpha=0.55, linewidth=0, zorder=0)
            if change:
                axes.axvline(end, color=RED, linewidth=1.2)
        if end > start:
            above.annotate(
                "initial phase" if change is None else f"initial phase ends at {end:,.0f}",
                xy=(end if change else start, 0.0),
                xycoords=("data", "axes fraction"),
                xytext=(5, 5),
                textcoords="offset points",
                fontsize=LABEL_SIZE,
                color=RED if change else MUTED,
            )
    return save_figure(figure, path)


def _phase_change(phase: NDArray[np.float64]) -> int | None:
    """Position at which the main phase begins; None where it never does."""
    main = np.flatnonzero(phase > 0)
    return int(main[0]) if main.size else None
