"""OMNIGLOT at 28x28, rebuilt from the 105x105 originals.

This is not the file of Burda et al.: the downsampling and the division into training and test
differ, so likelihoods on it must not be set beside published OMNIGLOT results.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np

from hiervae.datasets.character_data import (
    SIDE,
    assemble_characters,
    read_character_data,
)
from hiervae.datasets.dataset import Dataset
from hiervae.datasets.dataset_info import Binarisation, DatasetInfo
from hiervae.datasets.derived import derived_file
from hiervae.datasets.file_store import FileStore
from hiervae.datasets.omniglot_originals import NUM_DRAWERS, ORIGINAL_SIDE, read_originals, shrink
from hiervae.datasets.readers.npy import read_npz
from hiervae.datasets.remote_file import RemoteFile
from hiervae.datasets.scaling import scale_bytes

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
    """Reads the rebuilt set where it exists, else makes it from the originals and caches it.

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
    if store.find(_REBUILT) is not None:
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
