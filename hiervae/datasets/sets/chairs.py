"""3D Chairs: renderings of 1393 chair models from 62 viewpoints."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.assembly import Part, assemble_parts
from hiervae.datasets.dataset import Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.readers.pictures import PictureFormat
from hiervae.datasets.sources import EncodedPictures
from hiervae.datasets.splits import fraction_sizes, split_indices
from hiervae.datasets.store import FileStore
from hiervae.errors import DataError

_ADDRESS = "https://www.di.ens.fr/willow/research/seeing3Dchairs/"
_ARCHIVE = "rendered_chairs.tar"
_NAME = re.compile(
    r"(?:.*/)?(?P<chair>[^/]+)/renders/image_\d+_p(?P<tilt>\d+)_t(?P<turn>\d+)_r\d+\.png"
)

INFO = DatasetInfo(
    name="chairs",
    title="3D Chairs",
    event_shape=(64, 64),
    value_range=(0.0, 1.0),
    likelihood="gaussian",
    binarisation="none",
    source=_ADDRESS,
    licence="none stated by its authors",
    citation=(
        "Aubry, Maturana, Efros, Russell, Sivic: Seeing 3D chairs: exemplar part-based 2D-3D "
        "alignment using a large dataset of CAD models, CVPR 2014"
    ),
    sizes={"train": 69_130, "valid": 8_618, "test": 8_618},
    files=(
        RemoteFile(
            name=_ARCHIVE,
            urls=(f"{_ADDRESS}data/{_ARCHIVE}",),
            alternatives=("rendered_chairs",),
        ),
    ),
    folders=("3dchairs",),
    labels="columns: number of the chair; turn and tilt of the view in degrees",
    notes=(
        "There is no published split: chairs are shuffled and divided, all views of a chair in "
        "one split. The centred 400x400 pixels of 600x600 are averaged to 64x64 grey."
    ),
)


def load(
    store: FileStore,
    *,
    image_size: int = 64,
    crop: int | None = 400,
    colour: bool = False,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    seed: int | None = 0,
    lazy: bool = True,
    batch_size: int = 100,
    workers: int = 4,
) -> Dataset:
    """Open the archive (or the folder unpacked from it); pictures are decoded while training.

    The checksum of pictures that are decoded while training covers their names and sizes alone, for
    they are not all read before; with `lazy=False` it covers their bytes.

    Args:
        store: finds the archive.
        image_size: height and width of the result.
        crop: side of the centred square that is used; None uses the whole picture.
        colour: three channels instead of grey.
        valid_fraction: part of the chairs for validation.
        test_fraction: part of the chairs for testing.
        seed: seed of the shuffling of the chairs; None keeps the order of their names.
        lazy: False decodes everything into memory.
        batch_size: examples per batch.
        workers: threads that decode ahead.

    Raises:
        DatasetNotFoundError: if the archive is missing.
        DamagedFileError: if it is damaged.
        DataError: if an option is out of range, no picture is named as published, or Pillow is
            not installed.
    """
    form = PictureFormat(image_size, image_size, colour, crop)
    source = EncodedPictures(store.locate(_ARCHIVE), form)
    views, labels = _views(source)
    num_chairs = int(labels[:, 0].max()) + 1
    chairs = split_indices(
        num_chairs, *fraction_sizes(num_chairs, valid_fraction, test_fraction), seed
    )
    table = np.zeros((source.shape[0], 3), np.int64)
    table[views] = labels
    parts = {
        split: Part(source, views[np.isin(labels[:, 0], chosen)], table)
        for split, chosen in zip(INFO.sizes, chairs, strict=True)
    }
    return assemble_parts(
        store.info,
        parts,
        lazy=lazy,
        batch_size=batch_size,
        workers=workers,
        checksum=source.checksum if lazy else source.content_checksum(),
    )


def _views(source: EncodedPictures) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of the pictures that are views of chairs; chair, turn and tilt of each."""
    numbers: dict[str, int] = {}
    views, labels = [], []
    for index, name in enumerate(source.names):
        match = _NAME.fullmatch(name)
        if match:
            chair = numbers.setdefault(match["chair"], len(numbers))
            views.append(index)
            labels.append((chair, int(match["turn"]), int(match["tilt"])))
    if not views:
        raise DataError(
            f"No picture of {INFO.name!r} is named as published, such as "
            "'rendered_chairs/<chair>/renders/image_000_p020_t011_r096.png'."
        )
    return np.asarray(views, dtype=np.int64), np.asarray(labels, dtype=np.int64)
