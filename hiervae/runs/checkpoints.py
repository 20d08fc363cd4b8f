"""The checkpoints of a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from hiervae.callbacks.checkpoint_files import Checkpoint, read_checkpoint
from hiervae.callbacks.resume import Resume, Snapshot
from hiervae.errors import DamagedFileError
from hiervae.model.fit_state import unpack
from hiervae.runs.callbacks import History, kept_row
from hiervae.runs.folder import RunFolder
from hiervae.runs.history import Row
from hiervae.utils.files import replacing


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
        """The newest whole checkpoint from which the run's best epoch is not lost.

        Where its file is damaged, the best epoch is taken from the checkpoint that holds it too.

        Raises:
            DamagedFileError: if there are whole checkpoints, but each would lose the best epoch.
        """
        losing: list[str] = []
        for path in self._candidates():
            checkpoint = self._whole(path)
            if checkpoint is None or not self._takes(checkpoint):
                continue
            if self._has_best(checkpoint) or self._restore_best(checkpoint):
                if losing:
                    self.report(
                        f"{self.best_file} is damaged or missing; the training goes on from "
                        f"{path.name}, before the best epoch, and not from {', '.join(losing)}."
                    )
                return checkpoint
            losing.append(path.name)
        if losing:
            raise DamagedFileError(
                f"{self.best_file} is damaged or missing. The checkpoints {', '.join(losing)} "
                "beside it are whole, but none is of the best epoch or from before it, so that "
                f"going on would lose that epoch. Restore {self.best_file.name} from a copy, or "
                "train into another folder by --out."
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

    def _restore_best(self, checkpoint: Checkpoint) -> bool:
        """Copy the best epoch from the checkpoint at its end, if that is still there."""
        best = kept_row(rows_of(checkpoint))
        for path in self._candidates():
            try:
                found = read_checkpoint(path)
            except (OSError, DamagedFileError):  # set aside when its turn comes
                continue
            if best is not None and found.epoch == best["epoch"] and found.taken == 0:
                if self.best_file.exists():
                    self.set_aside(self.best_file)
                with replacing(self.best_file) as temporary:
                    shutil.copyfile(path, temporary)
                self.report(
                    f"{self.best_file} was damaged or missing; it is made anew from {path.name}."
                )
                return True
        return False


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
