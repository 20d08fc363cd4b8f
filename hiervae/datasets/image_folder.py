"""The user's own pictures in a folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.assembly import Part, assemble_parts
from hiervae.datasets.dataset import Dataset, DatasetInfo
from hiervae.datasets.readers.pictures import PictureFormat
from hiervae.datasets.sources import EncodedPictures
from hiervae.datasets.splits import fraction_sizes, split_indices
from hiervae.errors import DataError

_SPLITS = ("train", "valid", "test")


def load_folder(
    path: Path,
    info: DatasetInfo | None = None,
    *,
    image_size: int | tuple[int, int] = 64,
    crop: int | None = None,
    colour: bool = True,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    seed: int | None = 0,
    lazy: bool = False,
    batch_size: int = 100,
    workers: int = 4,
) -> Dataset:
    """Reads all pictures in a folder and the folders in it.

    If the folder has a folder `train`, pictures under `train`, `valid` and `test` make the splits;
    otherwise pictures are divided at random. If pictures lie in folders below that, the name of
    the innermost folder is their label.

    Args:
        path: the folder.
        info: facts about the pictures; None describes them as the user's own.
        image_size: height and width of the result, one number or two.
        crop: side of the centred square that is used; None uses the whole picture.
        colour: three channels instead of grey.
        valid_fraction: part of the pictures for validation, where there is no folder `train`.
        test_fraction: part of the pictures for testing, where there is no folder `train`.
        seed: seed of the division; None keeps the order of the names.
        lazy: decode the pictures while training (`LazyExamples`) instead of now.
        batch_size: examples a batch, when lazy.
        workers: threads that decode ahead, when lazy.

    Raises:
        DamagedFileError: if a picture cannot be decoded.
        DataError: if there are no pictures, an option is out of range, or Pillow is not installed.
    """
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    source = EncodedPictures(path, PictureFormat(height, width, colour, crop))
    names = [PurePosixPath(name) for name in source.names]
    if (path / "train").is_dir():
        rows = {
            split: np.array([i for i, name in enumerate(names) if name.parts[0] == split], np.int64)
            for split in _SPLITS
        }
        names = [PurePosixPath(*name.parts[1:]) for name in names]
        if not len(rows["train"]):
            raise DataError(f"{path / 'train'} holds no pictures.")
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
        checksum=source.checksum,
        label_names=label_names,
    )


def _labels(names: list[PurePosixPath]) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
    folders = [name.parent.name for name in names]
    label_names = tuple(sorted(set(folders)))
    if len(label_names) < 2:
        return None, ()
    numbers = {folder: number for number, folder in enumerate(label_names)}
    return np.array([numbers[folder] for folder in folders], dtype=np.int64), label_names
