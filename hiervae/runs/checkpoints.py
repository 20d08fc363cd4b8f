"""The checkpoints of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hiervae.callbacks.checkpoint_files import Checkpoint, read_checkpoint
from hiervae.callbacks.resume import Resume, Snapshot
from hiervae.errors import DamagedFileError
from hiervae.model.fit_state import unpack
from hiervae.runs.callbacks import History, kept_row
from hiervae.runs.folder import RunFolder
from hiervae.runs.history import Row


class Checkpoints(Resume):
    """The latest checkpoints of a run, and its best epoch.

    An epoch of a small model takes less time than a model file, so files are written only every
    few seconds, and when training ends or is interrupted; what is written then is the state at the
    end of an epoch, or after its last step. The best epoch is the one that `kept_row` chooses.

    Args:
        folder: where the files go.
        history: the run's history, which is among the callbacks too.
        seconds: least time between two writes.
        every_steps: steps between two writes within an epoch, None for none.
        keep: how many of the latest are kept, beside the best.
        note: told in one line of checkpoints that cannot be used; None warns of them.
    """

    def __init__(
        self,
        folder: RunFolder,
        history: History,
        seconds: float = 30.0,
        *,
        every_steps: int | None = None,
        keep: int = 3,
        note: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(
            folder.latest_file.parent, every_steps=every_steps, seconds=seconds, keep=keep
        )
        self.best_file = folder.best_file
        self.history = history
        self.note = note
        self._best: Snapshot | None = None

    def find(self) -> Checkpoint | None:
        """The newest whole checkpoint from which the run's best epoch is not lost."""
        damaged = False
        for path in self._candidates():
            checkpoint = self._whole(path)
            if checkpoint is None or not self._takes(checkpoint):
                continue
            if self._has_best(checkpoint):
                return checkpoint
            damaged = True
        if damaged:
            self.report(
                f"{self.best_file} is damaged or missing, and no checkpoint is from before the "
                "best epoch: the training begins anew."
            )
        return None

    def report(self, message: str) -> None:
        """Say that a checkpoint cannot be used."""
        if self.note is None:
            super().report(message)
        else:
            self.note(message)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the epoch, and write it if it is time."""
        if kept_row(self.history.rows) is self.history.rows[-1]:
            self._best = self.snapshot()
        super().on_epoch_end(epoch, logs)

    def write(self) -> None:
        """Write what was kept last, if it is not written yet; the best epoch first.

        Raises:
            OSError: if it cannot be written.
        """
        best, self._best = self._best, None
        if best is not None:
            self.save(best, self.best_file)
        super().write()

    def _has_best(self, checkpoint: Checkpoint) -> bool:
        best = kept_row(rows_of(checkpoint))
        if best is None:
            return True
        try:
            epoch = read_checkpoint(self.best_file).epoch
        except (OSError, DamagedFileError):
            return False
        return epoch is None or epoch >= best["epoch"]


def rows_of(checkpoint: Checkpoint) -> list[Row]:
    """The history that led to a checkpoint; empty where it does not hold it.

    Raises:
        DamagedFileError: if its state is damaged.
    """
    if checkpoint.state is None:
        return []
    for name, state in unpack(checkpoint.state)["callbacks"]:
        if name == History.__name__ and "rows" in state:
            return list(state["rows"])
    return []


def latest_in(folder: RunFolder, note: Callable[[str], None] | None = None) -> Checkpoint | None:
    """The checkpoint that the run in a folder would go on from; damaged ones are set aside."""
    return Checkpoints(folder, History(folder.history_file, []), note=note).find()
