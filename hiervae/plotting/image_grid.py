"""A grid of examples."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.frame_rows import draw_rows
from hiervae.plotting.frames import as_frames, value_limits
from hiervae.utils.validation import check_positive_int

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def image_grid(
    images: ArrayLike,
    path: str | os.PathLike[str] | None = None,
    num_columns: int | None = None,
    image_shape: Sequence[int] | None = None,
    value_range: tuple[float, float] | None = None,
    title: str = "",
) -> Figure:
    """Draw examples, such as samples of a model, in a grid.

    Args:
        images: shape (n, *event_shape); grey or colour images, or vectors, drawn as lines.
        path: also write the figure to this file; the suffix chooses the format.
        num_columns: frames in a row; a square grid by default.
        image_shape: (height, width) or (height, width, channels) of flat images, (d,) to draw flat
            examples of a square size as lines all the same.
        value_range: values drawn in black and white; others are clipped. By default (0, 1) if the
            examples hardly leave it, otherwise their extremes.
        title: above the grid.

    Returns:
        The figure.

    Raises:
        DataError: if the examples cannot be drawn.
        ValueError: if an option is wrong.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    frames = as_frames("images", images, image_shape)
    limits = value_limits(frames, value_range)
    columns = math.ceil(math.sqrt(len(frames)))
    if num_columns is not None:
        columns = check_positive_int("num_columns", num_columns)
    panels = frames if frames.ndim == 4 else frames[:, None]
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    return save_figure(draw_rows(rows, limits, title), path)
