"""The 105x105 originals of OMNIGLOT, and their reduction to 28x28."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.readers.archive import list_zip, read_zip_member
from hiervae.datasets.readers.bounded import reading
from hiervae.datasets.readers.pictures import PictureFormat, decode_picture
from hiervae.errors import DamagedFileError

NUM_DRAWERS = 20
ORIGINAL_SIDE = 105
_IMAGES_PER_CHUNK = 2_000
_NAME = re.compile(
    r"[^/]+/(?P<alphabet>[^/]+)/character\d+/(?P<character>\d+)_(?P<drawer>\d+)\.png"
)


@dataclass(frozen=True)
class Characters:
    """All drawings of one archive.

    Attributes:
        paper: white paper is 255 and ink 0, uint8 of shape (characters, 20 drawers, 105, 105).
        alphabets: number of each character's alphabet within the archive.
    """

    paper: NDArray[np.uint8]
    alphabets: tuple[int, ...]


def read_originals(path: Path) -> Characters:
    """Reads `images_background.zip` or `images_evaluation.zip`.

    Files are named `<archive>/<alphabet>/characterNN/<id>_<drawer>.png`; characters are ordered by
    their id, alphabets numbered in that order.

    Raises:
        DamagedFileError: if the archive is damaged or a character lacks one of its 20 drawings.
    """
    drawings: dict[tuple[int, int], tuple[str, str]] = {}
    with reading(path), zipfile.ZipFile(path) as archive:
        for member in list_zip(archive, path):
            match = _NAME.fullmatch(member.name)
            if match:
                key = int(match["character"]), int(match["drawer"])
                drawings[key] = (match["alphabet"], member.name)
        characters = sorted({character for character, _ in drawings})
        drawers = range(1, NUM_DRAWERS + 1)
        wanted = [(character, drawer) for character in characters for drawer in drawers]
        if not characters or set(wanted) != set(drawings):
            raise DamagedFileError(
                f"{path} holds {len(drawings)} drawings of {len(characters)} characters; expected "
                f"{NUM_DRAWERS} of each, named as published. Fetch it again."
            )
        picture_format = PictureFormat(ORIGINAL_SIDE, ORIGINAL_SIDE, colour=False)
        paper = np.empty((len(wanted), ORIGINAL_SIDE, ORIGINAL_SIDE), np.uint8)
        for row, key in enumerate(wanted):
            name = drawings[key][1]
            paper[row] = decode_picture(
                read_zip_member(archive, path, name), f"{path}: {name}", picture_format
            )
    alphabets = [drawings[character, 1][0] for character in characters]
    numbers = {alphabet: number for number, alphabet in enumerate(dict.fromkeys(alphabets))}
    return Characters(
        paper.reshape(-1, NUM_DRAWERS, ORIGINAL_SIDE, ORIGINAL_SIDE),
        tuple(numbers[alphabet] for alphabet in alphabets),
    )


def shrink(paper: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Reduces drawings by exact area averaging; paper becomes 0 and ink 255.

    Args:
        paper: shape (n, height, height), paper 255 and ink 0.
        side: new height and width.

    Returns:
        Shape (n, side, side).
    """
    weights = _area_weights(paper.shape[-1], side)
    small = np.empty((len(paper), side, side), np.uint8)
    for start in range(0, len(paper), _IMAGES_PER_CHUNK):
        ink = 255.0 - paper[start : start + _IMAGES_PER_CHUNK].astype(np.float32)
        small[start : start + len(ink)] = np.rint(weights @ ink @ weights.T)
    return small


def _area_weights(length: int, side: int) -> NDArray[np.float32]:
    """Share of each of `length` cells in each of `side` equal parts, shape (side, length)."""
    edges = np.arange(side + 1) * (length / side)
    cells = np.arange(length)
    right = np.minimum(edges[1:, None], cells + 1.0)
    left = np.maximum(edges[:-1, None], cells)
    weights: NDArray[np.float32] = (np.clip(right - left, 0.0, None) * (side / length)).astype(
        np.float32
    )
    return weights
