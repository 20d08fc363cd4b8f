"""The image files of a run, and drawings, as the page holds them."""

from __future__ import annotations

import base64
import re
import struct
from dataclasses import dataclass
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIZE = slice(16, 24)
"""Where a PNG file has its width and height."""

WIDE = 1.9
"""An image wider than this many times its height gets the page's whole width."""

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
    "noise_sweep": ("grid of generated examples", "Fresh noise of one level, the others' held"),
    "gibbs_chain": (
        "rows of generated examples, one per chain",
        "Gibbs chains between examples and latents",
    ),
    "latent_pca": (
        "points in one plane per level",
        "Principal components of the posterior means of each level",
    ),
    "kl_history": (
        "heat map of units over training steps, one per level",
        "KL of each unit during training",
    ),
    "kl_levels": ("chart of the KL of each level", "KL of each stochastic level"),
    "log_likelihoods": ("histogram", "Log-likelihoods of single examples"),
    "rate_distortion": (
        "points and lines of equal ELBO",
        "Rate and distortion of the splits that were scored",
    ),
    "control": ("two curves over training steps", "Beta and the constraint"),
}
"""What the images that the commands draw look like, and show; in the page's order."""

OF_TWO_ENDS = ("interpolation", "latent_graph")

NUMBER = r"-?[\d.]+(?:e[+-]?\d+)?"
SETTINGS = (
    "by",
    "component",
    "level",
    "limit",
    "neighbors",
    "nodes",
    "noise",
    "num",
    "others",
    "pruned",
    "seed",
    "split",
    "steps",
)
"""Words in the names of images that the commands draw, with which a setting begins."""


@dataclass(frozen=True)
class Image:
    """An image file with its caption.

    Attributes:
        name: of the file.
        source: the file as a data address.
        alternative: what it looks like, in words.
        caption: what it shows.
        width: in pixels.
        height: in pixels.
    """

    name: str
    source: str
    alternative: str
    caption: str
    width: int
    height: int

    @property
    def is_wide(self) -> bool:
        """Whether it takes the page's whole width."""
        return self.width > WIDE * self.height


def image_files(folder: Path) -> list[Path]:
    """List the images in the page's order, others by name after them."""
    kinds = list(ABOUT)

    def order(path: Path) -> tuple[int, list[tuple[int, str]]]:
        kind = _kind(path.stem)
        numbers = [(int(n or 0), text) for text, n in re.findall(r"(\D+)(\d*)", path.stem)]
        return kinds.index(kind) if kind in kinds else len(kinds), numbers

    return sorted(folder.glob("*.png"), key=order)


def read_image(path: Path) -> Image | None:
    """Read an image with its caption; None if the file is no PNG.

    Raises:
        OSError: if the file cannot be read.
    """
    content = path.read_bytes()
    if not content.startswith(SIGNATURE) or len(content) < SIZE.stop:
        return None
    width, height = struct.unpack(">II", content[SIZE])
    kind = _kind(path.stem)
    alternative, caption = ABOUT.get(kind, ("image", path.stem.replace("_", " ")))
    rest = path.stem.removeprefix(kind).strip("_") if kind in ABOUT else ""
    if kind in OF_TWO_ENDS:
        rest = re.sub(rf"^({NUMBER})_({NUMBER})(?=_|$)", r"\1 to \2", rest)
    if rest:
        caption += f", {_settings(rest)}"
    return Image(
        path.name,
        data_address(content, "png"),
        f"{path.stem.replace('_', ' ')}: {alternative}",
        caption,
        width,
        height,
    )


def _settings(rest: str) -> str:
    """What a name says beside the kind of image, with a comma before each further setting."""
    first, *words = rest.split("_")
    return first + "".join(f"{',' * (word in SETTINGS)} {word}" for word in words)


def data_address(content: bytes, kind: str) -> str:
    """Write an image file as an address that holds it; an image cannot run scripts."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _kind(stem: str) -> str:
    return next((k for k in ABOUT if stem == k or stem.startswith(f"{k}_")), stem)
