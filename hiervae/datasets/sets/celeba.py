"""CelebA: aligned faces of celebrities in colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.assembly import Part, assemble_parts
from hiervae.datasets.dataset import Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.readers.bounded import read_text
from hiervae.datasets.readers.pictures import PictureFormat
from hiervae.datasets.sources import EncodedPictures
from hiervae.datasets.store import FileStore
from hiervae.errors import DamagedFileError

_IMAGES = "img_align_celeba.zip"
_PARTITION = "list_eval_partition.txt"
_ATTRIBUTES = "list_attr_celeba.txt"
_SPLITS = ("train", "valid", "test")
_NUM_ATTRIBUTES = 40
_MAX_TEXT_BYTES = 2**26

INFO = DatasetInfo(
    name="celeba",
    title="CelebA, aligned and cropped",
    event_shape=(64, 64, 3),
    value_range=(0.0, 1.0),
    likelihood="gaussian",
    binarisation="none",
    source="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    licence=(
        "for non-commercial research only; no part of it may be passed on (agreement on its page)"
    ),
    citation="Liu, Luo, Wang, Tang: Deep learning face attributes in the wild, ICCV 2015",
    sizes={"train": 162_770, "valid": 19_867, "test": 19_962},
    files=(
        RemoteFile(
            name=_IMAGES,
            sha256="46fb89443c578308acf364d7d379fe1b9efb793042c0af734b6112e4fd3a8c74",
            num_bytes=1_443_490_838,
            alternatives=("img_align_celeba",),
        ),
        RemoteFile(
            name=_PARTITION,
            sha256="fc955bcb3ef8fbdf7d5640d9a8693a8431b5f2ee291a5c1449a1549e7e073fe7",
            num_bytes=2_836_386,
        ),
        RemoteFile(
            name=_ATTRIBUTES,
            sha256="f0e5da289d5ccf75ffe8811132694922b60f2af59256ed362afa03fefba324d0",
            num_bytes=26_721_026,
            optional=True,
        ),
    ),
    labels="40 attributes, 0 or 1, where list_attr_celeba.txt is present",
    notes=(
        "Its page asks for consent and links to file hosts that need a browser, so it is not "
        "downloaded automatically. Splits are those of list_eval_partition.txt. The centred "
        "148x148 square of each picture is averaged to 64x64."
    ),
)


def load(
    store: FileStore,
    *,
    image_size: int = 64,
    crop: int | None = 148,
    lazy: bool = True,
    batch_size: int = 100,
    workers: int = 4,
) -> Dataset:
    """Open the archive (or the folder unpacked from it); pictures are decoded while training.

    The checksum of pictures that are decoded while training covers their names and sizes alone, for
    they are not all read before; with `lazy=False` it covers their bytes.

    Args:
        store: finds the files.
        image_size: height and width of the result.
        crop: side of the centred square that is used; None uses the whole picture.
        lazy: False decodes everything into memory.
        batch_size: examples per batch.
        workers: threads that decode ahead.

    Raises:
        DatasetNotFoundError: if a file is missing.
        DamagedFileError: if a file is damaged or the lists do not fit the pictures.
        DataError: if an option is out of range, or Pillow is not installed.
    """
    form = PictureFormat(image_size, image_size, colour=True, crop=crop)
    source = EncodedPictures(store.locate(_IMAGES), form)
    names = [name.rsplit("/", 1)[-1] for name in source.names]
    partition_path = store.require(_PARTITION)
    partition = _read_table(partition_path, 0, 1, names)[:, 0]
    if not np.isin(partition, (0, 1, 2)).all():
        raise DamagedFileError(f"{partition_path}: expected 0, 1 or 2 for each picture.")
    attributes: NDArray[np.int64] | None = None
    attribute_names: tuple[str, ...] = ()
    if store.find(_ATTRIBUTES) is not None:
        path = store.require(_ATTRIBUTES)
        attributes = (_read_table(path, 2, _NUM_ATTRIBUTES, names) > 0).astype(np.int64)
        attribute_names = tuple(read_text(path, _MAX_TEXT_BYTES).split("\n", 2)[1].split())
    parts = {
        split: Part(source, np.flatnonzero(partition == number), attributes)
        for number, split in enumerate(_SPLITS)
    }
    return assemble_parts(
        store.info,
        parts,
        lazy=lazy,
        batch_size=batch_size,
        workers=workers,
        label_names=attribute_names,
        checksum=source.checksum if lazy else source.content_checksum(),
        checksums=dict(store.checksums),
    )


def _read_table(
    path: Path, num_header_lines: int, num_columns: int, names: list[str]
) -> NDArray[np.int64]:
    """Return the rows `picture value...` of a text file, in the order of `names`."""
    rows: dict[str, list[str]] = {}
    lines = read_text(path, _MAX_TEXT_BYTES).splitlines()[num_header_lines:]
    for line in lines:
        fields = line.split()
        if fields:
            rows[fields[0]] = fields[1:]
    try:
        table = np.array([rows[name] for name in names], dtype=np.int64)
    except (KeyError, ValueError, OverflowError) as error:
        raise DamagedFileError(
            f"{path} does not list every picture with integers ({error})."
        ) from error
    if table.shape != (len(names), num_columns):
        raise DamagedFileError(
            f"{path} has {table.shape[1:]} values for each picture; expected {num_columns}."
        )
    return table
