"""A finished run, opened to look at."""

from __future__ import annotations

import os
from dataclasses import dataclass

from hiervae.datasets import Dataset
from hiervae.model import HierarchicalVAE
from hiervae.runs.run_config import RunConfig
from hiervae.runs.run_data import load_data
from hiervae.runs.run_folder import RunFolder


@dataclass(frozen=True, eq=False)
class OpenRun:
    """A run with its model and data.

    Attributes:
        folder: the run's folder.
        config: its settings.
        model: the trained model.
        dataset: the data it was trained on, checked against the run's checksum.
    """

    folder: RunFolder
    config: RunConfig
    model: HierarchicalVAE
    dataset: Dataset


def open_run(
    path: str | os.PathLike[str], data_dir: str | os.PathLike[str] | None = None
) -> OpenRun:
    """Open a finished run.

    Raises:
        HiervaeError: if this is no run folder, or its training did not finish.
        DamagedFileError: if a file is damaged.
        DatasetNotFoundError: if a data file is missing.
        DataError: if the data is not what the run was made with.
    """
    folder = RunFolder(path)
    config = folder.read_config()
    model = folder.load_model()
    return OpenRun(folder, config, model, load_data(config, data_dir))
