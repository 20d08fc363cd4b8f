"""OMNIGLOT at 28x28, rebuilt from the 105x105 originals.

This is not the file of Burda et al.: the downsampling and the division into training and test
differ, so likelihoods on it must not be set beside published OMNIGLOT results.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.dataset import Binarisation, Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.readers.archive import list_zip, read_zip_member
from hiervae.datasets.readers.bounded import reading
from hiervae.datasets.readers.npy import read_npz
from hiervae.datasets.readers.pictures import PictureFormat, decode_picture
from hiervae.datasets.scaling import scale_bytes
from hiervae.datasets.sets.omniglot import (
    SIDE,
    assemble_characters,
    read_character_data,
)
from hiervae.datasets.store import FileStore, derived_file
from hiervae.errors import DamagedFileError

NUM_DRAWERS = 20
ORIGINAL_SIDE = 105
_IMAGES_PER_CHUNK = 2_000
_NAME = re.compile(
    r"[^/]+/(?P<alphabet>[^/]+)/character\d+/(?P<character>\d+)_(?P<drawer>\d+)\.png"
)
_REBUILT = "omniglot_28x28_rebuilt.mat"
_ORIGINALS = ("images_background.zip", "images_evaluation.zip")
_SPLITS = {"train": slice(0, 15), "test": slice(15, NUM_DRAWERS)}
_ADDRESS = "https://github.com/brendenlake/omniglot/raw/master/python/"

INFO = DatasetInfo(
    name="omniglot_rebuilt",
    title="OMNIGLOT, 28x28 rebuilt from the originals",
    event_shape=(SIDE, SIDE),
    value_range=(0.0, 1.0),
    likelihood="bernoulli",
    binarisation="dynamic",
    source="https://github.com/brendenlake/omniglot/tree/master/python",
    licence="MIT, copyright 2015 Brenden Lake",
    citation=(
        "Lake, Salakhutdinov, Tenenbaum: Human-level concept learning through probabilistic "
        "program induction, Science 2015"
    ),
    sizes={"train": 23_000, "valid": 1_345, "test": 8_115},
    files=(
        RemoteFile(
            name=_ORIGINALS[0],
            urls=(_ADDRESS + _ORIGINALS[0],),
            sha256="ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640",
            num_bytes=9_464_212,
            alternatives=(_REBUILT,),
        ),
        RemoteFile(
            name=_ORIGINALS[1],
            urls=(_ADDRESS + _ORIGINALS[1],),
            sha256="1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee",
            num_bytes=6_462_886,
            alternatives=(_REBUILT,),
        ),
    ),
    folders=("omniglot",),
    labels="number of the alphabet, 0 ... 49",
    notes=(
        "Not comparable with published OMNIGLOT likelihoods: exact area averaging 105 -> 28, "
        "rounded to k/255, ink 1; training holds the first 15 drawers of each of the 1623 "
        "characters, test the other 5 (8,115 images, Burda et al. have 8,070)."
    ),
)


def load(
    store: FileStore,
    *,
    binarisation: Binarisation = "dynamic",
    binarisation_seed: int = 0,
    valid_size: int = 1_345,
    split_seed: int | None = 0,
) -> Dataset:
    """Read the rebuilt set, or make it from the originals and cache it.

    The folder that is searched first and has either decides; in one folder it is the rebuilt set.

    Making it reads 32,460 pictures and needs Pillow.

    Args:
        store: finds the files: `omniglot_28x28_rebuilt.mat` (in the layout of `chardata.mat`), or
            both original archives.
        binarisation: `"dynamic"` keeps training values as probabilities to be redrawn for every
            batch and draws validation and test once; `"none"` keeps all grey values.
        binarisation_seed: seed of the validation and test draws.
        valid_size: number of validation characters.
        split_seed: seed of the shuffling before the division; None keeps the file's order.

    Raises:
        DatasetNotFoundError: if the files are missing.
        DamagedFileError: if a file is damaged.
        DataError: if an option is out of range.
    """
    found = [store.find(_REBUILT, name) for name in _ORIGINALS]
    if any(path is not None and path.name == _REBUILT for path in found):
        train, test = read_character_data(store.require(RemoteFile(_REBUILT)))
    else:
        sources = [store.require(name) for name in _ORIGINALS]
        arrays = read_npz(
            derived_file(store, sources, ".npz", lambda output: _rebuild(sources, output))
        )
        train, test = (
            (scale_bytes(arrays[split]), arrays[f"{split}_alphabets"]) for split in _SPLITS
        )
    return assemble_characters(
        store,
        train,
        test,
        valid_size=valid_size,
        split_seed=split_seed,
        binarisation=binarisation,
        binarisation_seed=binarisation_seed,
    )


def _rebuild(sources: list[Path], output: IO[bytes]) -> None:
    archives = [read_originals(source) for source in sources]
    small = [
        shrink(archive.paper.reshape(-1, ORIGINAL_SIDE, ORIGINAL_SIDE), SIDE)
        for archive in archives
    ]
    images = np.concatenate(small).reshape(-1, NUM_DRAWERS, SIDE, SIDE)
    alphabets: list[int] = []
    for archive in archives:
        first = max(alphabets, default=-1) + 1
        alphabets.extend(first + number for number in archive.alphabets)
    numbers = np.repeat(np.asarray(alphabets, dtype=np.int64), NUM_DRAWERS).reshape(-1, NUM_DRAWERS)
    arrays: dict[str, Any] = {}
    for split, drawers in _SPLITS.items():
        arrays[split] = images[:, drawers].reshape(-1, SIDE, SIDE)
        arrays[f"{split}_alphabets"] = numbers[:, drawers].reshape(-1)
    np.savez_compressed(output, **arrays)


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
    """Read `images_background.zip` or `images_evaluation.zip`.

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
    """Reduce drawings by exact area averaging; paper becomes 0 and ink 255.

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
    """Return the share of each cell in each of `side` equal parts, shape (side, length)."""
    edges = np.arange(side + 1) * (length / side)
    cells = np.arange(length)
    right = np.minimum(edges[1:, None], cells + 1.0)
    left = np.maximum(edges[:-1, None], cells)
    weights: NDArray[np.float32] = (np.clip(right - left, 0.0, None) * (side / length)).astype(
        np.float32
    )
    return weights
