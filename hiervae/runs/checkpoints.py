"""The checkpoints of a training."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from hiervae.model import HierarchicalVAE
from hiervae.runs.callbacks import History, kept_row
from hiervae.runs.folder import RunFolder
from hiervae.runs.model_file import save_model

Snapshot = list[NDArray[Any]]


class Checkpoints(keras.callbacks.Callback):
    """Keeps the latest and the best epoch of a run, in memory after each epoch and then on disk.

    An epoch of a small model takes less time than a model file, so files are written only every
    few seconds, and by `write` when training ends or is interrupted; what is written is always the
    state at the end of an epoch. The best epoch is the one that `kept_row` chooses.

    Args:
        folder: where the files go.
        history: the run's history, which comes before this callback.
        seconds: least time between two writes.
    """

    def __init__(self, folder: RunFolder, history: History, seconds: float = 30.0) -> None:
        super().__init__()
        self.folder = folder
        self.history = history
        self.seconds = seconds
        self._latest: Snapshot | None = None
        self._best: Snapshot | None = None
        self._written = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the epoch, and write if it is time."""
        self._latest = take_snapshot(self.model)
        if kept_row(self.history.rows) is self.history.rows[-1]:
            self._best = self._latest
        if time.monotonic() - self._written >= self.seconds:
            self.write()

    def write(self) -> None:
        """Write what has changed since the last write, and leave the model at the latest epoch.

        Raises:
            OSError: if a file cannot be written.
        """
        latest, best = self._latest, self._best
        if latest is None:
            return
        try:
            if best is not None:
                restore_snapshot(self.model, best)
                save_model(self.model, self.folder.best_file)
                self._best = None
        finally:
            restore_snapshot(self.model, latest)
        save_model(self.model, self.folder.latest_file)
        self._latest = None
        self._written = time.monotonic()


def take_snapshot(model: HierarchicalVAE) -> Snapshot:
    """Copy all that a model file holds: weights, generators, control and optimiser state."""
    return [np.array(ops.convert_to_numpy(variable)) for variable in _variables(model)]


def restore_snapshot(model: HierarchicalVAE, snapshot: Snapshot) -> None:
    """Put a snapshot back."""
    for variable, value in zip(_variables(model), snapshot, strict=True):
        variable.assign(value)


def _variables(model: HierarchicalVAE) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]
