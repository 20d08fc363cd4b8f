"""3D Faces: pictures that the user renders from the Basel Face Model."""

from __future__ import annotations

from hiervae.datasets.dataset import Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.image_folder import load_folder
from hiervae.datasets.splits import DEFAULT_FRACTION
from hiervae.datasets.store import FileStore
from hiervae.errors import DataError

_FOLDER = "faces_3d"

INFO = DatasetInfo(
    name="faces_3d",
    title="3D Faces, rendered by the user",
    event_shape=(64, 64),
    value_range=(0.0, 1.0),
    likelihood="gaussian",
    binarisation="none",
    source="https://faces.dmi.unibas.ch/bfm/",
    licence=(
        "the Basel Face Model needs a personal licence agreement; neither it nor pictures of it "
        "can be fetched here: render them yourself into a folder named faces_3d"
    ),
    citation=(
        "Paysan, Knothe, Amberg, Romdhani, Vetter: A 3D face model for pose and illumination "
        "invariant face recognition, AVSS 2009"
    ),
    files=(RemoteFile(name=_FOLDER),),
    notes="A folder of pictures in any of the usual formats, with or without train/valid/test.",
)


def load(
    store: FileStore,
    *,
    image_size: int = 64,
    crop: int | None = None,
    colour: bool = False,
    valid_fraction: float = DEFAULT_FRACTION,
    test_fraction: float = DEFAULT_FRACTION,
    seed: int | None = 0,
    lazy: bool = False,
    batch_size: int = 100,
    workers: int = 4,
) -> Dataset:
    """Read the folder `faces_3d` of rendered pictures.

    Args:
        store: finds the folder.
        image_size: height and width of the result.
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
        DatasetNotFoundError: if the folder is missing.
        DamagedFileError: if a picture cannot be decoded.
        DataError: if there are no pictures, an option is out of range, or Pillow is not installed.
    """
    path = store.locate(_FOLDER)
    if not path.is_dir():
        raise DataError(f"{path} is a file; expected a folder of rendered pictures.")
    return load_folder(
        path,
        store.info,
        image_size=image_size,
        crop=crop,
        colour=colour,
        valid_fraction=valid_fraction,
        test_fraction=test_fraction,
        seed=seed,
        lazy=lazy,
        batch_size=batch_size,
        workers=workers,
    )
