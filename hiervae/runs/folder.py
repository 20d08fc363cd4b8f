"""The folder that a run lives in."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hiervae.errors import DamagedFileError, HiervaeError
from hiervae.runs.config import RunConfig
from hiervae.runs.files import read_json, write_json
from hiervae.utils.files import remove_abandoned
from hiervae.utils.locks import exclusive

if TYPE_CHECKING:
    from hiervae.model import HierarchicalVAE


class RunFolder:
    """Paths and records of one run.

    Args:
        path: the folder; it need not exist yet.

    Attributes:
        path: the folder.
        config_file: everything that reproduces the run.
        model_file: the trained model.
        latest_file: the checkpoint to go on from.
        settings_file: a copy of `config.json`, to know it again if that is edited.
        best_file: the checkpoint with the lowest validation loss.
        history_file: the logs of all epochs.
        metrics_file: the metrics.
        events: TensorBoard's directory.
        figures: image files.
        graph_file: the latent graph of the last interpolation.
        kl_history_file: the KL of each level and unit over training.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.config_file = self.path / "config.json"
        self.model_file = self.path / "model.keras"
        self.latest_file = self.path / "checkpoints" / "latest.keras"
        self.settings_file = self.path / "checkpoints" / "config.json"
        self.best_file = self.path / "checkpoints" / "best.keras"
        self.history_file = self.path / "history.csv"
        self.metrics_file = self.path / "metrics.json"
        self.events = self.path / "tensorboard"
        self.figures = self.path / "figures"
        self.graph_file = self.path / "graph.npz"
        self.kl_history_file = self.path / "kl_history.npz"
        self._loaded: tuple[int, int, int] | None = None

    @property
    def train_command(self) -> str:
        """The command that trains here, for a shell."""
        return f"hiervae train --out {shlex.quote(str(self.path))}"

    def partial_scores_file(self, split: str) -> Path:
        """Where the scores of a split are kept until all its examples are scored."""
        return self.path / f"partial_scores_{split}.npz"

    def require_room(self) -> None:
        """Refuse a place where no folder can be made or written, before any work is done.

        Raises:
            HiervaeError: if there is a file on the way, or writing is not allowed.
        """
        nearest = next(place for place in (self.path, *self.path.parents) if place.exists())
        if nearest.is_dir() and os.access(nearest, os.W_OK):
            return
        found = "is not writable" if nearest.is_dir() else "is a file"
        raise HiervaeError(
            f"{self.path} cannot be the run folder: {nearest} {found}. Choose another by --out."
        )

    def is_empty(self) -> bool:
        """Whether there is nothing yet where the run is to be."""
        return not self.path.exists() or not any(self.path.iterdir())

    def create(self, config: RunConfig) -> None:
        """Make the folder, or take up an existing one, and write `config.json`.

        Raises:
            OSError: if it cannot be written.
        """
        for folder in (self.path, self.latest_file.parent, self.figures):
            folder.mkdir(parents=True, exist_ok=True)
        for file in (self.config_file, self.settings_file):
            write_json(file, config.as_dict())

    def locked(self) -> AbstractContextManager[None]:
        """The context in which one training works in the folder, which exists, and no other.

        Raises:
            HiervaeError: if another one does.
        """
        return exclusive(self.path)

    def tidy(self) -> None:
        """Remove half-written files of processes that were killed."""
        for folder in (self.path, *(entry for entry in self.path.rglob("*") if entry.is_dir())):
            remove_abandoned(folder)

    def edited(self) -> list[str]:
        """What was edited in `config.json` since the run began, one line a setting.

        Raises:
            HiervaeError: if this is no run folder.
            DamagedFileError: if a file is damaged.
        """
        if not self.settings_file.is_file():  # the run of an older version
            return []
        kept = RunConfig.from_dict(read_json(self.settings_file), str(self.settings_file))
        now = self.read_config()
        data = [config.data.get("checksum") for config in (kept, now)]
        edited = kept.differences(now)
        if data[0] != data[1]:
            edited.append(f"data.checksum is {data[0]!r} in the run and {data[1]!r} now")
        return edited

    def read_config(self) -> RunConfig:
        """The run's `config.json`.

        Raises:
            HiervaeError: if this is no run folder.
            DamagedFileError: if the file is damaged.
        """
        if not self.config_file.is_file():
            found = "holds no config.json" if self.path.exists() else "does not exist"
            raise HiervaeError(
                f"{self.path} is no run folder: it {found}. Make one with: {self.train_command}"
            )
        return RunConfig.from_dict(read_json(self.config_file), str(self.config_file))

    def load_model(self) -> HierarchicalVAE:
        """The trained model, whose results alone are written here from now on.

        Raises:
            HiervaeError: if training is not finished.
            DamagedFileError: if the file cannot be read.
            RegistryError: if a plugin of the model is not installed.
        """
        from hiervae.runs.model_file import load_model

        self.require_model()
        self._loaded = _identity(self.model_file)
        try:
            return load_model(self.model_file)
        except DamagedFileError as error:
            raise DamagedFileError(
                f"{error} If the run's checkpoints are whole, this makes it anew: "
                f"{self.train_command} --resume"
            ) from error

    def require_model(self) -> None:
        """Refuse a run without its trained model, which takes no Keras to tell.

        Raises:
            HiervaeError: if training is not finished.
        """
        if not self.model_file.is_file():
            raise HiervaeError(
                f"{self.path} holds no model.keras: its training did not finish. "
                f"Go on with: {self.train_command} --resume"
            )

    def require_loaded_model(self) -> None:
        """Refuse to keep results of a loaded model once another training has replaced it.

        Where no model was loaded, as in training, there is nothing to refuse.

        Raises:
            HiervaeError: if `model.keras` is another file than the one that was loaded.
        """
        if self._loaded is None:
            return
        found = _identity(self.model_file) if self.model_file.is_file() else None
        if found != self._loaded:
            raise HiervaeError(
                f"{self.model_file} was replaced while this command worked on the earlier model; "
                "expected the same one to the end. What was found of the earlier one is not "
                "written: run the command again."
            )

    def forget_model(self) -> None:
        """Remove what was measured of the model, before another one takes its place.

        Raises:
            OSError: if a file cannot be removed.
        """
        partial = self.path.glob(self.partial_scores_file("*").name)
        for file in (self.metrics_file, self.graph_file, *partial, *self.figures.glob("*.png")):
            file.unlink(missing_ok=True)

    def value_range(self) -> tuple[float | None, float | None]:
        """Lowest and highest possible value of the run's data; None where unbounded.

        Raises:
            HiervaeError: if this is no run folder.
            DamagedFileError: if `config.json` is damaged, or does not say.
        """
        found: object = self.read_config().data.get("value_range")
        ends: list[object] = found if isinstance(found, list) else []
        known = [end for end in ends if end is None or isinstance(end, (int, float))]
        if len(known) != 2 or len(ends) != 2:
            raise DamagedFileError(
                f"{self.config_file} has data.value_range={found!r}; expected the lowest and the "
                "highest value, or null. Restore the file that the run was made with."
            )
        return known[0], known[1]

    def read_metrics(self) -> dict[str, Any]:
        """Read all metrics so far; empty before there are any.

        Raises:
            OSError: if the file cannot be read.
            DamagedFileError: if it is damaged.
        """
        if not self.metrics_file.is_file():
            return {}
        metrics = read_json(self.metrics_file)
        sections: Mapping[str, object] = metrics
        for name, section in sections.items():
            if not isinstance(section, dict):
                raise DamagedFileError(
                    f"{self.metrics_file} has {name}={section!r}; expected an object of metrics. "
                    "Take the entry out, or remove the file and measure again."
                )
        return metrics

    def write_metrics(self, **sections: Mapping[str, Any]) -> dict[str, Any]:
        """Add sections to `metrics.json`, in place of older ones of the same names; returns all.

        Raises:
            HiervaeError: if they are of a model that was replaced since it was loaded.
            OSError: if the file cannot be read or written.
            DamagedFileError: if what is there is damaged.
        """
        self.require_loaded_model()
        metrics = {**self.read_metrics(), **sections}
        write_json(self.metrics_file, metrics)
        return metrics


def _identity(file: Path) -> tuple[int, int, int]:
    """What tells a file from another one that takes its place."""
    found = file.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
