"""Logs over the epochs of a training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError
from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.series import as_numbers, as_series, scale_for
from hiervae.plotting.style import (
    BLUE,
    CATEGORIES,
    GRID,
    LABEL_SIZE,
    MUTED,
    ORANGE,
    new_figure,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def training_curves(
    curves: Mapping[str, ArrayLike],
    epochs: ArrayLike,
    path: str | os.PathLike[str] | None = None,
    initial: float | None = None,
    marked: float | None = None,
    title: str = "",
    y_label: str = "nats per example",
) -> Figure:
    """Draw logs over epochs, such as a term in training and in validation.

    Args:
        curves: by their labels, one number an epoch; what is not finite leaves a gap.
        epochs: their numbers, rising, shape (n,).
        path: also write the figure to this file; the suffix chooses the format.
        initial: the last epoch of a scheduler's initial phase, which is shaded.
        marked: an epoch to mark, such as that of the saved model.
        title: above the curves.
        y_label: beside them.

    Returns:
        The figure, with a logarithmic axis where the values span orders of magnitude.

    Raises:
        DataError: if there is no finite value, or a curve is of another length.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    x = as_series("epochs", epochs)
    values = {label: _finite(as_numbers(label, y, len(x))) for label, y in curves.items()}
    known = np.concatenate([y[np.isfinite(y)] for y in values.values()] or [np.empty(0)])
    if not known.size:
        raise DataError(
            f"The curves {', '.join(values)} have no finite values; expected at least one."
        )
    figure = new_figure(4.8, 3.0)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    for index, (label, y) in enumerate(values.items()):
        (line,) = axes.plot(x, y, color=_color(index, len(values)), linewidth=1.6, label=label)
        line.set_gid(f"curve-{index}")
        line.set_marker("o")
        line.set_markersize(3.5)
        line.set_markevery(np.flatnonzero(_stands_alone(y)).tolist())
    style_axes(axes, title, "epoch", y_label)
    scale_for(axes, known)
    axes.locator_params(axis="x", integer=True)
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    if initial is not None and initial > x[0]:
        axes.axvspan(x[0], initial, color=GRID, alpha=0.55, linewidth=0, zorder=0, gid="initial")
    if marked is not None:
        axes.axvline(marked, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), gid="marked")
    if len(values) > 1:
        axes.legend(fontsize=LABEL_SIZE, frameon=False)
    return save_figure(figure, path)


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)


def _stands_alone(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which values have no finite neighbour, so that no line goes through them."""
    finite = np.isfinite(values)
    padded = np.pad(finite, 1)
    return finite & ~padded[:-2] & ~padded[2:]


def _color(index: int, total: int) -> str:
    return (BLUE, ORANGE)[index] if total <= 2 else CATEGORIES[index % len(CATEGORIES)]
