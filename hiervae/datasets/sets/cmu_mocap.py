"""CMU motion capture: five motions as frames of fifty joint angles."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.assembly import assemble
from hiervae.datasets.dataset import Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.motion import CMU_LAYOUT, select_joint_angles
from hiervae.datasets.readers.acclaim import read_amc, read_asf
from hiervae.datasets.readers.skeleton import Skeleton
from hiervae.datasets.scaling import ChannelNormalisation, Kind
from hiervae.datasets.splits import fraction_sizes, split_indices
from hiervae.datasets.store import FileStore
from hiervae.errors import DataError, DatasetOptionError

_ADDRESS = "http://mocap.cs.cmu.edu/subjects/"
_CHECKSUMS = {
    "02_01.amc": "1503c481f4726e640c77888f0c841dd3be0694684bcd32296cf53685c6fc1492",
    "02_02.amc": "2ece9e0c7791c5c0fef5a951eccfe7e985caeb734667b1d1ea089cfedffd8a6e",
    "35_01.amc": "0743f4ea48e7e199cd56b2810b5ce81f8ede08d32ff79aa4e363c44cc4fe33aa",
    "02_03.amc": "07df256876f0941ea464083162503790a05ffa021fd6d6d5b2c22ac98127762a",
    "49_18.amc": "92270c489224b4b16b8de8d2f167ba0a6025312759d46ad60eef5dff7f0b4e10",
    "49_19.amc": "d0b1e62eda3b4ba61e2fcf78864ca44dccc599bcb5fba089374bb334c78b0010",
    "49_20.amc": "6558836baed3f4d0904c7c36fe85a6bda07dd6f436de74bcc6402559e284f505",
    "02_05.amc": "b370aae1972be9bf73d49a6c94ca74dda01a5cb5ab2f4cce7f61d4d08ca9a611",
    "11_01.amc": "326e635daf89bc8e33511f0b3768d9864da9e51d1bfab1ff97ad01993a5b25fd",
    "02.asf": "c9f5ff45b4437b279f58b95dacf017afd3135373096274df69436a9354d796cf",
    "11.asf": "9ef0d3fbc731fe4baa376d50ab22f3c2c29486aa30eb3d0ec1764654aa879a6f",
    "35.asf": "2a8e2eda3c0d7d828566b2a9a8ab36b2b8b3864110574e8b73c8f069fded416c",
    "49.asf": "2496dbef32b4e2e736699c4ea528499d3c8a1d31012974c68ae23d4a787584cb",
}
_RECORDINGS: dict[str, tuple[str, ...]] = {
    "walking": ("02_01", "02_02", "35_01"),
    "jogging": ("02_03",),
    "balancing": ("49_18", "49_19", "49_20"),
    "punching": ("02_05",),
    "kicking": ("11_01",),
}
_SPLITS = ("train", "valid", "test")


def _remote(name: str) -> RemoteFile:
    subject = name.split("_")[0].removesuffix(".asf")
    return RemoteFile(
        name=name,
        urls=(f"{_ADDRESS}{subject}/{name}",),
        sha256=_CHECKSUMS.get(name),
        optional=name.endswith(".asf"),
    )


INFO = DatasetInfo(
    name="cmu_mocap",
    title="CMU motion capture, five motions",
    event_shape=(50,),
    value_range=(None, None),
    likelihood="gaussian",
    binarisation="none",
    source="http://mocap.cs.cmu.edu/",
    licence="free to use, also inside products; the data itself may not be resold",
    citation=(
        "The data used in this project was obtained from mocap.cs.cmu.edu. The database was "
        "created with funding from NSF EIA-0196217."
    ),
    sizes={"train": 5_274, "valid": 653, "test": 653},
    files=tuple(_remote(name) for name in _CHECKSUMS),
    folders=("cmu",),
    labels="the motion",
    label_names=tuple(_RECORDINGS),
    notes=(
        "120 frames a second. Of 62 channels, the root's 6 and 6 constant ones are left out. The "
        "recordings chosen for each motion are ours; none were published."
    ),
)


def load(
    store: FileStore,
    *,
    recordings: Mapping[str, Sequence[str]] | None = None,
    every: int = 1,
    normalisation: Kind = "standard",
    split: Literal["blocks", "frames"] = "blocks",
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    seed: int = 0,
) -> Dataset:
    """Read the recordings of each motion.

    Args:
        store: finds the files.
        recordings: recordings of each motion, such as `{"walking": ["35_01", "35_02"]}`; None
            takes nine of walking, jogging, balancing, punching and kicking.
        every: use every so many-th frame (4 gives 30 frames a second).
        normalisation: of each angle, chosen on the training frames: `"standard"` (mean 0,
            deviation 1), `"range"` ([0, 1]) or `"none"` (degrees). `Dataset.normalisation.undo`
            gives degrees back.
        split: `"blocks"` takes the end of each recording for validation and test, so that
            neighbouring frames do not tell what they are; `"frames"` draws single frames.
        valid_fraction: part of each recording for validation.
        test_fraction: part of each recording for testing.
        seed: seed of the draw of single frames.

    Returns:
        Frames of fifty joint angles, the number of the motion as label.

    Raises:
        DatasetNotFoundError: if a recording is missing.
        DamagedFileError: if a recording is damaged or has other channels than CMU's.
        DataError: if an option is out of range.
    """
    chosen = _RECORDINGS if recordings is None else dict(recordings)
    if every < 1 or split not in ("blocks", "frames") or not any(chosen.values()):
        raise DatasetOptionError(
            f"every={every}, split={split!r}, recordings={chosen}; expected every of at least 1, "
            "split 'blocks' or 'frames', and at least one recording."
        )
    frames: dict[str, list[NDArray[np.float64]]] = {name: [] for name in _SPLITS}
    labels: dict[str, list[int]] = {name: [] for name in _SPLITS}
    for number, names in enumerate(chosen.values()):
        for recording in names:
            angles = _read(store, recording)[::every]
            sizes = fraction_sizes(len(angles), valid_fraction, test_fraction)
            order = split_indices(len(angles), *sizes, seed if split == "frames" else None)
            for name, rows in zip(_SPLITS, order, strict=True):
                frames[name].append(angles[rows])
                labels[name].extend([number] * len(rows))
    degrees = {name: np.concatenate(parts) for name, parts in frames.items()}
    scaling = ChannelNormalisation.fit(degrees["train"], normalisation)
    dataset = assemble(
        store,
        {name: scaling.apply(values) for name, values in degrees.items()},
        {name: np.asarray(values, dtype=np.int64) for name, values in labels.items()},
        label_names=tuple(chosen),
    )
    return replace(dataset, normalisation=scaling)


def load_skeleton(
    subject: str = "35",
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = False,
) -> Skeleton:
    """Read the skeleton of a subject, for drawing frames.

    Args:
        subject: CMU's number of the subject.
        data_dir: folder searched first, as in `hiervae.datasets.load`.
        download: fetch the file if it is missing.

    Raises:
        DatasetNotFoundError: if the file is missing.
        DamagedFileError: if the file is damaged.
        DataError: if the subject is no number.
    """
    if not re.fullmatch(r"\d{2,3}", subject):
        raise DatasetOptionError(
            f"subject={subject!r}; expected CMU's number such as '02' or '35'."
        )
    return read_asf(FileStore(INFO, data_dir, download).require(_remote(f"{subject}.asf")))


def _read(store: FileStore, recording: str) -> NDArray[np.float64]:
    if not re.fullmatch(r"\d{2,3}_\d{2}", recording):
        raise DatasetOptionError(
            f"There is no recording {recording!r}; expected a name such as '02_01'."
        )
    motion = read_amc(store.require(_remote(f"{recording}.amc")))
    if motion.layout != CMU_LAYOUT:
        raise DataError(f"{recording}.amc has other channels than CMU's 62: {dict(motion.layout)}.")
    return select_joint_angles(motion.values)
