"""Latents as TensorBoard's projector shows them, with labels and thumbnails."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.runs.files import write_text
from hiervae.utils.files import replacing

CONFIG_FILE = "projector_config.pbtxt"
NUM_POINTS = 1000
THUMBNAIL = 28
"""Height and width of a thumbnail in pixels, at most."""


def write_embedding(
    directory: Path,
    latents: NDArray[Any],
    labels: Sequence[Any] | NDArray[Any] | None,
    images: NDArray[Any] | None,
    value_range: tuple[float, float],
) -> None:
    """Write the projector's files into the directory of a TensorBoard run.

    Args:
        directory: where the run's event files are; made if missing.
        latents: shape (n, d).
        labels: one for each latent, or None.
        images: thumbnails, shape (n, height, width), or None.
        value_range: black and white of the thumbnails.

    Raises:
        OSError: if a file cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    rows = ("\t".join(f"{value:.6g}" for value in row) for row in latents)
    write_text(directory / "latents.tsv", "\n".join(rows) + "\n")
    lines = ["embeddings {", '  tensor_name: "latents"', '  tensor_path: "latents.tsv"']
    if labels is not None:
        write_text(directory / "labels.tsv", "".join(f"{_plain(label)}\n" for label in labels))
        lines.append('  metadata_path: "labels.tsv"')
    if images is not None and find_spec("PIL") is not None:
        sprite = _sprite(images, value_range)
        height, width = images.shape[1:]
        with replacing(directory / "thumbnails.png") as temporary:
            temporary.write_bytes(sprite)
        lines += [
            "  sprite {",
            '    image_path: "thumbnails.png"',
            f"    single_image_dim: {width}",
            f"    single_image_dim: {height}",
            "  }",
        ]
    write_text(directory / CONFIG_FILE, "\n".join([*lines, "}"]) + "\n")


def as_thumbnails(examples: NDArray[Any]) -> NDArray[Any] | None:
    """Return examples as small grey images (n, height, width), None where they are no images."""
    shape = examples.shape[1:]
    if len(shape) == 1:
        side = math.isqrt(shape[0])
        if side * side != shape[0] or side < 4:
            return None
        examples = examples.reshape(-1, side, side)
    elif len(shape) == 3:
        examples = examples.mean(axis=-1)
    elif len(shape) != 2:
        return None
    stride = max(1, math.ceil(max(examples.shape[1:]) / THUMBNAIL))
    return np.asarray(examples[:, ::stride, ::stride])


def _sprite(images: NDArray[Any], value_range: tuple[float, float]) -> bytes:
    """All images in one square PNG, row by row."""
    from PIL import Image

    number, height, width = images.shape
    side = math.ceil(math.sqrt(number))
    low, high = value_range
    levels = np.clip((images - low) / ((high - low) or 1.0), 0.0, 1.0)
    grid = np.zeros((side * side, height, width))
    grid[:number] = levels
    pixels = grid.reshape(side, side, height, width).swapaxes(1, 2)
    whole = (255 * pixels.reshape(side * height, side * width)).round().astype("uint8")
    stream = io.BytesIO()
    Image.fromarray(whole).save(stream, format="png")
    return stream.getvalue()


def _plain(label: Any) -> str:
    text = f"{label:.4g}" if isinstance(label, (float, np.floating)) else str(label)
    return text.replace("\t", " ").replace("\n", " ")
