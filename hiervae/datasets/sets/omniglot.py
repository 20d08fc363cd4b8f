"""OMNIGLOT at 28x28: the file of Burda, Grosse and Salakhutdinov."""

from __future__ import annotations

from hiervae.datasets.character_data import SIDE, assemble_characters, read_character_data
from hiervae.datasets.dataset import Dataset
from hiervae.datasets.dataset_info import Binarisation, DatasetInfo
from hiervae.datasets.file_store import FileStore
from hiervae.datasets.remote_file import RemoteFile

_FILE = "chardata.mat"

INFO = DatasetInfo(
    name="omniglot",
    title="OMNIGLOT, 28x28 of Burda et al.",
    event_shape=(SIDE, SIDE),
    value_range=(0.0, 1.0),
    likelihood="bernoulli",
    binarisation="dynamic",
    source="https://github.com/yburda/iwae/tree/master/datasets/OMNIGLOT",
    licence="MIT, copyright 2015 Brenden Lake",
    citation=(
        "Lake, Salakhutdinov, Tenenbaum: Human-level concept learning through probabilistic "
        "program induction, Science 2015; Burda, Grosse, Salakhutdinov: Importance weighted "
        "autoencoders, ICLR 2016"
    ),
    sizes={"train": 23_000, "valid": 1_345, "test": 8_070},
    files=(
        RemoteFile(
            name=_FILE,
            urls=("https://github.com/yburda/iwae/raw/master/datasets/OMNIGLOT/chardata.mat",),
            md5="21ecaf34373511aa7691cf2e0802aa3d",
        ),
    ),
    labels="number of the alphabet, 0 ... 49",
    notes="Images are stored column by column; validation is drawn from the shuffled training set.",
)


def load(
    store: FileStore,
    *,
    binarisation: Binarisation = "dynamic",
    binarisation_seed: int = 0,
    valid_size: int = 1_345,
    split_seed: int | None = 0,
) -> Dataset:
    """Reads `chardata.mat`.

    Args:
        store: finds the file.
        binarisation: `"dynamic"` keeps training values as probabilities to be redrawn for every
            batch and draws validation and test once; `"none"` keeps all grey values.
        binarisation_seed: seed of the validation and test draws.
        valid_size: number of validation characters.
        split_seed: seed of the shuffling before the division; None keeps the file's order.

    Raises:
        DatasetNotFoundError: if the file is missing.
        DamagedFileError: if the file is damaged.
        DataError: if an option is out of range.
    """
    train, test = read_character_data(store.require(_FILE))
    return assemble_characters(
        store,
        train,
        test,
        valid_size=valid_size,
        split_seed=split_seed,
        binarisation=binarisation,
        binarisation_seed=binarisation_seed,
    )
