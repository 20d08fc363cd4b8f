"""The user's own pictures in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.assembly import Part, assemble_parts
from hiervae.datasets.dataset import Dataset, DatasetInfo
from hiervae.datasets.readers.pictures import PictureFormat
from hiervae.datasets.sources import EncodedPictures
from hiervae.datasets.splits import (
    DEFAULT_FRACTION,
    fraction_sizes,
    split_indices,
    unused_fraction,
)
from hiervae.errors import DataError

_SPLITS = ("train", "valid", "test")
_FOLDERS = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation", "dev"),
    "test": ("test", "testing"),
}


def load_folder(
    path: Path,
    info: DatasetInfo | None = None,
    *,
    image_size: int | tuple[int, int] = 64,
    crop: int | None = None,
    colour: bool = True,
    valid_fraction: float = DEFAULT_FRACTION,
    test_fraction: float = DEFAULT_FRACTION,
    seed: int | None = 0,
    lazy: bool = False,
    batch_size: int = 100,
    workers: int = 4,
) -> Dataset:
    """Read all pictures in a folder and the folders in it.

    If the folder has folders named as splits, they are the splits: `train` or `training`; `valid`,
    `val`, `validation` or `dev`; `test` or `testing`; in whatever case. A validation or test split
    without a folder is empty. Otherwise pictures are divided at random. If pictures lie in folders
    below that, the name of the innermost folder is their label. Links are followed, hidden files
    (`._0.png`) and files of other kinds (`Thumbs.db`) left out.

    All pictures are read for the checksum, which covers names and bytes, even if they are decoded
    later.

    Args:
        path: the folder.
        info: facts about the pictures; None describes them as the user's own.
        image_size: height and width of the result, one number or two.
        crop: side of the centred square that is used; None uses the whole picture.
        colour: three channels instead of grey.
        valid_fraction: part of the pictures for validation, where no folder is named as a split;
            a chosen one has no effect where one is, with a warning.
        test_fraction: part of the pictures for testing; likewise.
        seed: seed of the division; None keeps the order of the names.
        lazy: decode the pictures while training (`LazyExamples`) instead of now.
        batch_size: examples per batch, when lazy.
        workers: threads that decode ahead, when lazy.

    Raises:
        DamagedFileError: if a picture cannot be decoded.
        DataError: if there are no pictures, pictures lie beside or in another folder than those of
            the splits, an option is out of range, or Pillow is not installed.
    """
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    source = EncodedPictures(path, PictureFormat(height, width, colour, crop))
    names = [PurePosixPath(name) for name in source.names]
    named = _named_splits(path)
    if named:
        rows = _rows(path, names, named)
        reason = f"the folders {', '.join(map(repr, named))} are the splits"
        unused_fraction("valid_fraction", valid_fraction, reason)
        unused_fraction("test_fraction", test_fraction, reason)
        names = [PurePosixPath(*name.parts[1:]) for name in names]
    else:
        sizes = fraction_sizes(len(names), valid_fraction, test_fraction)
        divided = split_indices(len(names), *sizes, seed)
        rows = dict(zip(_SPLITS, divided, strict=True))
    labels, label_names = _labels(names)
    facts = info or DatasetInfo(
        name=path.name,
        title=path.name,
        event_shape=source.shape[1:],
        value_range=(0.0, 1.0),
        likelihood="gaussian",
        binarisation="none",
        source=str(path),
        licence="the user's own",
        citation="",
        labels="name of the folder" if label_names else None,
    )
    parts = {split: Part(source, rows[split], labels) for split in _SPLITS}
    return assemble_parts(
        facts,
        parts,
        lazy=lazy,
        batch_size=batch_size,
        workers=workers,
        checksum=source.content_checksum(),
        label_names=label_names,
    )


def _named_splits(path: Path) -> dict[str, str]:
    """Return the split of each folder that is named as one."""
    splits = {name: split for split, known in _FOLDERS.items() for name in known}
    folders = sorted(entry.name for entry in path.iterdir() if entry.is_dir())
    return {name: splits[name.lower()] for name in folders if name.lower() in splits}


def _rows(
    path: Path, names: list[PurePosixPath], named: Mapping[str, str]
) -> dict[str, NDArray[np.int64]]:
    """Return the numbers of the pictures of each split.

    Raises:
        DataError: if two folders are the same split, a picture lies in none, or there is none for
            training.
    """
    for split in _SPLITS:
        folders = [name for name, is_split in named.items() if is_split == split]
        if len(folders) > 1:
            raise DataError(
                f"{path} has the folders {' and '.join(map(repr, folders))}, which both mean the "
                f"{split} split. Keep one."
            )
    outside = [name for name in names if name.parts[0] not in named or len(name.parts) == 1]
    if outside:
        raise DataError(
            f"{path} has the folder{'s' if len(named) > 1 else ''} "
            f"{', '.join(map(repr, named))}, and pictures outside ({len(outside)}), such as "
            f"{str(outside[0])!r}; expected every picture in a folder that names its split "
            f"({'; '.join(', '.join(known) for known in _FOLDERS.values())}). Move them into one."
        )
    rows = {
        split: np.array([i for i, n in enumerate(names) if named[n.parts[0]] == split], np.int64)
        for split in _SPLITS
    }
    if not len(rows["train"]):
        raise DataError(
            f"{path} has the folder{'s' if len(named) > 1 else ''} {', '.join(map(repr, named))}, "
            "but no pictures for training; expected some in a folder 'train'."
        )
    return rows


def _labels(names: list[PurePosixPath]) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
    folders = [name.parent.name for name in names]
    label_names = tuple(sorted(set(folders)))
    if len(label_names) < 2:
        return None, ()
    numbers = {folder: number for number, folder in enumerate(label_names)}
    return np.array([numbers[folder] for folder in folders], dtype=np.int64), label_names
