"""Decoded paths as strips of frames."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hiervae.errors import DataError
from hiervae.manifold.path import Path
from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.frame_rows import draw_rows
from hiervae.plotting.frames import FloatArray, as_frames, value_limits
from hiervae.utils.validation import check_positive_int

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAVES_MASS = "the path goes where the prior has next to no mass"


def interpolation_strip(
    interpolations: Path | ArrayLike | Mapping[str, Path | ArrayLike],
    path: str | os.PathLike[str] | None = None,
    max_frames: int = 16,
    image_shape: Sequence[int] | None = None,
    value_range: tuple[float, float] | None = None,
    title: str = "",
) -> Figure:
    """Draw the decoded frames of interpolations, one row each (Klushyn et al. 2019, Figure 4).

    Args:
        interpolations: a `hiervae.manifold.Path` or its frames (n, *event_shape); several of them
            as a mapping from row label to path or frames.
        path: also write the figure to this file; the suffix chooses the format.
        max_frames: longest row, at least 2; of a longer path evenly spaced frames are shown, both
            ends included.
        image_shape: as in `image_grid`.
        value_range: as in `image_grid`.
        title: above the rows.

    Returns:
        The figure. Its title says so if a path goes where the prior has next to no mass.

    Raises:
        DataError: if frames cannot be drawn, or the rows differ in their event shape.
        ValueError: if an option is wrong, or a path was not decoded.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    if check_positive_int("max_frames", max_frames) < 2:
        raise ValueError("max_frames=1: expected at least 2, for both ends.")
    named = interpolations if isinstance(interpolations, Mapping) else {"": interpolations}
    if not named:
        raise DataError("interpolations is empty; give at least one path.")
    rows = [_row(label or "interpolations", entry, image_shape) for label, entry in named.items()]
    if len({row.shape[1:] for row in rows}) > 1:
        raise DataError(
            "The interpolations have frames of shapes "
            f"{', '.join(str(row.shape[1:]) for row in rows)}; expected one shape."
        )
    limits = value_limits(np.concatenate(rows), value_range)
    shown = [
        row[np.linspace(0, len(row) - 1, min(len(row), max_frames)).round().astype(int)]
        for row in rows
    ]
    panels = [row if row.ndim == 4 else row[:, None] for row in shown]
    labels = list(named) if any(named) else []
    caution = mass_caution([entry for entry in named.values() if isinstance(entry, Path)])
    title = "; ".join(part for part in (title, caution) if part)
    return save_figure(draw_rows(panels, limits, title, labels), path)


def mass_caution(paths: Sequence[Path]) -> str:
    """What a title says of paths that leave the prior's mass; nothing where none does."""
    return LEAVES_MASS if any(path.leaves_mass for path in paths) else ""


def _row(label: str, entry: Path | ArrayLike, image_shape: Sequence[int] | None) -> FloatArray:
    values = entry.decoded if isinstance(entry, Path) else entry
    return as_frames(label, values, image_shape)
