"""Figures on disk."""

from __future__ import annotations

import io
import os
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from hiervae.utils.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figure(figure: Figure, path: str | os.PathLike[str] | None) -> Figure:
    """Write a figure to `path`, whole or not at all, and return it; None writes nothing.

    Raises:
        ValueError: if the suffix names no format that can be written.
        OSError: if the file cannot be written.
    """
    if path is None:
        return figure
    target = Path(path)
    formats = figure.canvas.get_supported_filetypes()
    kind = target.suffix[1:].lower()
    if kind not in formats:
        raise ValueError(
            f"{target} has the suffix {target.suffix!r}; expected one of "
            f"{', '.join('.' + name for name in sorted(formats))}, such as figure.png."
        )
    with replacing(target) as temporary:
        figure.savefig(temporary, format=kind)
    return figure


def svg_of(figure: Figure) -> bytes:
    """Write a figure as SVG, the same bytes for the same figure, its text as text."""
    stream = io.BytesIO()
    options = {"svg.hashsalt": "hiervae", "svg.fonttype": "none"}
    with import_module("matplotlib").rc_context(options):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return re.sub(rb"<metadata>.*?</metadata>", b"", stream.getvalue(), flags=re.DOTALL)
