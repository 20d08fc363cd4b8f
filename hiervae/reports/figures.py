"""The pictures of a run as figures of its report."""

from __future__ import annotations

import base64
import re
import struct
from pathlib import Path

from hiervae.runs.report_page import Markup, element

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIZE = slice(16, 24)
"""Where a PNG file has its width and height."""

WIDE = 1.9
"""A picture wider than this many times its height gets the page's whole width."""

ABOUT = {
    "reconstructions": ("rows of examples and of their reconstructions", "Reconstructions"),
    "samples": ("grid of generated examples", "Samples of the model"),
    "pseudo_inputs": ("grid of pseudo-inputs", "Pseudo-inputs of the prior"),
    "latent_space": ("points in the plane", "Latent space: posterior means of held-out examples"),
    "latent_graph": (
        "points in the plane, with a graph and a path through it",
        "Latent graph over posterior means, with the path of the interpolation",
    ),
    "interpolation": (
        "rows of decoded points between two examples",
        "Interpolation along the graph, and along the straight line",
    ),
    "traversal": ("grid of generated examples", "Traversal"),
    "kl_levels": ("chart of the KL of each level", "KL of each stochastic level"),
    "control": ("two curves over training steps", "Beta and the constraint"),
}
"""What the pictures that the commands draw look like, and show; in the page's order."""

OF_TWO_ENDS = ("interpolation", "latent_graph")


def picture_files(folder: Path) -> list[Path]:
    """The pictures in the page's order, others by name after them."""
    kinds = list(ABOUT)

    def order(path: Path) -> tuple[int, list[tuple[int, str]]]:
        kind = _kind(path.stem)
        numbers = [(int(n or 0), text) for text, n in re.findall(r"(\D+)(\d*)", path.stem)]
        return kinds.index(kind) if kind in kinds else len(kinds), numbers

    return sorted(folder.glob("*.png"), key=order)


def picture(path: Path) -> Markup | None:
    """A picture with its caption; None if the file is no PNG.

    Raises:
        OSError: if the file cannot be read.
    """
    content = path.read_bytes()
    if not content.startswith(SIGNATURE) or len(content) < SIZE.stop:
        return None
    width, height = struct.unpack(">II", content[SIZE])
    kind = _kind(path.stem)
    alternative, caption = ABOUT.get(kind, ("picture", path.stem.replace("_", " ")))
    rest = path.stem.removeprefix(kind).strip("_") if kind in ABOUT else ""
    if rest:
        between = " to " if kind in OF_TWO_ENDS else " "
        caption += f", {rest.replace('_', between)}"
    return element(
        "figure",
        element(
            "img",
            src=f"data:image/png;base64,{base64.b64encode(content).decode()}",
            alt=f"{path.stem.replace('_', ' ')}: {alternative}",
            width=width,
            height=height,
        ),
        element("figcaption", f"{caption} (", element("code", path.name), ")"),
        class_="wide" if width > WIDE * height else None,
    )


def _kind(stem: str) -> str:
    return next((k for k in ABOUT if stem == k or stem.startswith(f"{k}_")), stem)
