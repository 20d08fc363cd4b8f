"""Examples beside their reconstructions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hiervae.errors import DataError
from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.frame_rows import draw_rows
from hiervae.plotting.frames import as_frames, value_limits
from hiervae.utils.validation import check_positive_int

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def reconstructions(
    originals: ArrayLike,
    reconstructed: ArrayLike,
    path: str | os.PathLike[str] | None = None,
    num_columns: int = 10,
    image_shape: Sequence[int] | None = None,
    value_range: tuple[float, float] | None = None,
    title: str = "",
) -> Figure:
    """Draw each example above its reconstruction; vectors as two lines in one panel.

    Args:
        originals: shape (n, *event_shape).
        reconstructed: shape (n, *event_shape), in the same order.
        path: also write the figure to this file; the suffix chooses the format.
        num_columns: pairs in a row.
        image_shape: as in `image_grid`.
        value_range: values drawn in black and white, taken from the originals by default.
        title: above the pairs.

    Returns:
        The figure.

    Raises:
        DataError: if the arrays differ in shape or cannot be drawn.
        ValueError: if an option is wrong.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    above = as_frames("originals", originals, image_shape)
    below = as_frames("reconstructed", reconstructed, image_shape)
    if above.shape != below.shape:
        raise DataError(
            f"originals have shape {np.shape(originals)}, reconstructed {np.shape(reconstructed)}; "
            "expected one reconstruction for each original."
        )
    columns = check_positive_int("num_columns", num_columns)
    limits = value_limits(above, value_range)
    starts = range(0, len(above), columns)
    if above.ndim == 2:
        panels = np.stack([above, below], axis=1)
        rows = [panels[start : start + columns] for start in starts]
        caption = title or "original (black) and reconstruction (blue)"
        return save_figure(draw_rows(rows, limits, caption), path)
    rows = [frames[start : start + columns] for start in starts for frames in (above, below)]
    labels = ["original", "reconstruction"] * len(starts)
    return save_figure(draw_rows(rows, limits, title, labels, group=2), path)
