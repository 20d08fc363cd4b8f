"""Going on with a training that was killed, under plain `fit`."""

from __future__ import annotations

import math
import os
import sys
import time
import warnings
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hiervae.callbacks.checkpoint_files import (
    LATEST,
    Checkpoint,
    earlier_files,
    epoch_in_name,
    keep_as_earlier,
    read_checkpoint,
    write_checkpoint,
)
from hiervae.errors import DamagedFileError, HiervaeError
from hiervae.model.fit_state import FitSaver, FitState
from hiervae.model.within_epoch import put_values, take_values
from hiervae.utils.files import remove_abandoned
from hiervae.utils.locks import exclusive
from hiervae.utils.validation import check_number_between, check_positive_int


@dataclass(frozen=True)
class Snapshot:
    """All that a checkpoint holds, in memory.

    Attributes:
        values: weights, generators, control and optimiser state.
        epoch: number of epochs that are over.
        stopped: whether early stopping has ended the training.
        state: what `fit` knows beside the weights.
        taken: batches of the epoch after those that were trained on.
        num_batches: of that epoch; 0 at the end of one.
    """

    values: list[NDArray[Any]]
    epoch: int
    stopped: bool
    state: bytes
    taken: int = 0
    num_batches: int = 0


class Resume(FitSaver):
    """Saves a `fit` after each epoch, and goes on with it when the same script runs again.

    A run that was killed and is started again is the run never interrupted, bit for bit: weights,
    optimiser, beta and its rule, random generators, epoch, and the state of the other callbacks
    (of Keras' early stopping the patience, the best value and the best weights, of
    `ReduceLROnPlateau` the same, the history that `fit` returns) are saved together. Wherever it
    stands among the callbacks, it restores before them and saves after them. A callback of your own
    is included if it has `get_state()`, which returns a dict of numbers, text, lists and arrays,
    and `set_state(state)`.

    A `fit` that is ended by Ctrl-C or an error within an epoch goes on after its last step, from
    arrays and any `keras.utils.PyDataset`; the state of callbacks is that at the epoch's begin.

    The order of the examples is a function of the model's seed and of its training steps, so that
    the resumed run sees the same batches, from arrays and any `keras.utils.PyDataset`. A
    `tf.data.Dataset` that shuffles and a generator begin anew, which nothing can change from
    outside; with `steps_per_epoch` below the number of batches, so does the pass over the data.

    `folder` holds `latest.keras`, which `keras.models.load_model` reads too, and the checkpoints
    before it, each with checksums. A damaged one is set aside with a warning, and the one before it
    taken. While a `fit` runs, the folder is locked. A `fit` that has ended is not trained further,
    unless `epochs` was raised; delete the folder to begin anew. The learning rate is part of the
    optimiser's state, so a `fit` goes on with that of the checkpoint; another beta scheduler, or
    one with other options, begins anew, with a warning.

    Args:
        folder: where the checkpoints go; made if missing.
        every: epochs between two checkpoints. What was not written when a training ends, or is
            broken off by an error or Ctrl-C, is written then.
        every_steps: training steps between two checkpoints within an epoch, so that a killed
            process goes on there; counted in calls of `steps_per_execution` steps. It needs arrays
            or a `keras.utils.PyDataset`. None writes at the end of epochs alone.
        seconds: least time between two checkpoints.
        keep: how many checkpoints are kept.

    Raises:
        ValueError: if `every`, `every_steps` or `keep` is no positive integer, or `seconds` no
            number of at least 0.

    Example:
        >>> import hiervae
        >>> callback = hiervae.callbacks.Resume("runs/a/checkpoints", keep=3)
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        every: int = 1,
        every_steps: int | None = None,
        seconds: float = 0.0,
        keep: int = 3,
    ) -> None:
        super().__init__()
        check_positive_int("every", every)
        if every_steps is not None:
            check_positive_int("every_steps", every_steps)
        check_positive_int("keep", keep)
        check_number_between("seconds", seconds, 0.0, math.inf)
        self.folder = Path(folder)
        self.every = every
        self.every_steps = every_steps
        self.seconds = seconds
        self.keep = keep
        self._state: FitState | None = None
        self._found: Checkpoint | None = None
        self._pending: Snapshot | None = None
        self._begin: bytes | None = None
        self._latest_epoch: int | None = None
        self._steps_unwritten = self._steps_of_epoch = 0
        self._written = time.monotonic()
        self._lock: AbstractContextManager[None] | None = None

    @property
    def saves_within_epochs(self) -> bool:
        """Whether checkpoints are written within epochs too."""
        return self.every_steps is not None

    @property
    def latest_file(self) -> Path:
        """The newest checkpoint."""
        return self.folder / LATEST

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to one `fit`: a copy, as tuners make it, begins anew."""
        kept = dict(vars(self))
        kept.update(_state=None, _found=None, _pending=None, _begin=None)
        kept.update(_lock=None, _latest_epoch=None)
        return kept

    def prepare(self, model: Any, state: FitState) -> int | None:
        """Lock the folder and look for the newest whole checkpoint.

        Returns:
            Number of epochs that are over; None where there is no checkpoint.

        Raises:
            HiervaeError: if another training uses the folder.
            OSError: if it cannot be made or read.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = exclusive(self.folder)
        lock.__enter__()
        self._lock = lock
        remove_abandoned(self.folder)
        self._state, self._pending, self._begin = state, None, None
        self._written = time.monotonic()
        self._found = self.find()
        self._latest_epoch = None if self._found is None else self._found.epoch
        if self._found is None or self._found.epoch is None:
            return None
        self._discard_later(self._found.epoch)
        state.goes_on_within = self._found.taken > 0
        return sys.maxsize if self._found.stopped else self._found.epoch

    def find(self) -> Checkpoint | None:
        """Return the newest whole checkpoint, None where there is none; set damaged ones aside."""
        for path in self._candidates():
            checkpoint = self._whole(path)
            if checkpoint is not None and checkpoint.epoch is not None:
                if self._takes(checkpoint):
                    return checkpoint
            elif checkpoint is not None:
                self.report(f"{path} is a model without a record of its training; it is left out.")
        return None

    def on_train_begin(self, logs: Any = None) -> None:
        """Take the checkpoint up, before any other callback begins.

        Raises:
            HiervaeError: if it is one of another model.
        """
        found = self._found
        if found is None or found.state is None or self._state is None:
            return
        model = self.model
        if not model.optimizer.built:  # else its state would be left out
            model.optimizer.build(model.trainable_variables)
        try:
            model.load_weights(found.path)
        except ValueError as error:
            reason = str(error).strip().partition("\n")[0]
            raise HiervaeError(
                f"{found.path} is the checkpoint of another model ({reason}); expected one of "
                "this. Choose another folder, or delete it to begin anew."
            ) from error

    def begin_epoch(self) -> None:
        """Note what an epoch begins with, before any other callback of it."""
        self._steps_of_epoch = 0
        if self._begin is None and self._state is not None:
            self._begin = self._state.encode()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Write what was trained of the epoch, if it is time."""
        self._steps_unwritten += batch + 1 - self._steps_of_epoch
        self._steps_of_epoch = batch + 1
        every, state = self.every_steps, self._state
        if every is None or state is None or self._steps_unwritten < every:
            return
        if batch + 1 == state.num_batches:  # the epoch is as good as over
            return
        self.model  # noqa: B018 (lets Keras put the values into the variables)
        within = self._broken_off()
        self._steps_unwritten = 0
        if within is not None:
            self._pending = within
            self.write()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the epoch, and write it if it is time."""
        self._pending = self.snapshot()
        self._begin = self._pending.state
        waited = time.monotonic() - self._written
        if (epoch + 1) % self.every == 0 and waited >= self.seconds:
            self.write()

    def snapshot(self) -> Snapshot:
        """All that a checkpoint would hold now.

        Raises:
            ValueError: if no `fit` runs.
        """
        if self._state is None:
            raise ValueError("Resume has no `fit` to save; expected it among the callbacks of one.")
        values = take_values(self.model)
        return Snapshot(values, self._state.finished, self._state.has_stopped, self._state.encode())

    def write(self) -> None:
        """Write what was kept last, if it is not written yet.

        Raises:
            OSError: if it cannot be written.
        """
        snapshot, self._pending = self._pending, None
        if snapshot is None:
            return
        if self._latest_epoch is not None and self.latest_file.exists() and self.keep > 1:
            keep_as_earlier(self.latest_file, self._latest_epoch)
        self.save(snapshot, self.latest_file)
        self._latest_epoch = snapshot.epoch
        self._steps_unwritten = 0
        self._written = time.monotonic()
        for path in earlier_files(self.folder)[self.keep - 1 :]:
            path.unlink(missing_ok=True)

    def save(self, snapshot: Snapshot, path: Path) -> None:
        """Write a snapshot to a file, and leave the model as it is.

        Raises:
            OSError: if it cannot be written.
        """
        model = self._model  # `self.model` would sync the state that a failed `fit` left behind
        now = take_values(model)
        put_values(model, snapshot.values)
        holding = nullcontext() if self._state is None else self._state.holding(snapshot.state)
        try:
            with holding:
                write_checkpoint(
                    model,
                    path,
                    snapshot.epoch,
                    snapshot.stopped,
                    snapshot.taken,
                    snapshot.num_batches,
                )
        finally:
            put_values(model, now)

    def close(self) -> None:
        """Write what is not written yet, and give the folder free."""
        try:
            self.write()
            self._pending = self._broken_off()
            self.write()
        finally:
            self._state = self._found = None
            lock, self._lock = self._lock, None
            if lock is not None:
                lock.__exit__(None, None, None)

    def set_aside(self, path: Path) -> Path:
        """Give a damaged checkpoint another name, which is returned, to make room for a whole one.

        It replaces one that was set aside before.
        """
        aside = path.with_name(f"{path.name}.damaged")
        with suppress(OSError):
            if path.is_dir() and aside.is_file():  # which a folder cannot replace by itself
                aside.unlink()
            os.replace(path, aside)
        return aside

    def report(self, message: str) -> None:
        """Say that a checkpoint cannot be used."""
        warnings.warn(message, UserWarning, stacklevel=3)

    def _broken_off(self) -> Snapshot | None:
        """What was trained of an epoch that did not end; None where nothing was, or it is lost."""
        state = self._state
        if state is None or self._begin is None or state.taken == 0:
            return None
        if state.num_batches is None:
            self.report(
                f"{self.folder} goes on from the last whole epoch: what was trained of the one "
                "after it is left out, since its source of batches may give others once more."
            )
            return None
        content = state.encode_within(self._begin)
        if content is None:
            return None
        values = take_values(self._model)
        return Snapshot(values, state.finished, False, content, state.taken, state.num_batches)

    def _takes(self, checkpoint: Checkpoint) -> bool:
        """Whether the `fit` can go on there; always where none runs."""
        if self._state is None or self._state.takes(checkpoint.taken, checkpoint.num_batches):
            return True
        self.report(
            f"{checkpoint.path} is from within an epoch of {checkpoint.num_batches} batches, of "
            "which this training has others; the checkpoint before it is taken, or the training "
            "begins anew where there is none."
        )
        return False

    def _candidates(self) -> list[Path]:
        latest = [self.latest_file] if self.latest_file.exists() else []
        return [*latest, *(earlier_files(self.folder) if self.folder.exists() else [])]

    def _whole(self, path: Path) -> Checkpoint | None:
        try:
            if path.is_dir():
                raise DamagedFileError(f"{path} is damaged (it is a folder).")
            return read_checkpoint(path)
        except DamagedFileError as error:
            aside = self.set_aside(path)
            self.report(
                f"{error} It is set aside as {aside.name}; the checkpoint before it is taken, or "
                "the training begins anew where there is none."
            )
            return None

    def _discard_later(self, epoch: int) -> None:
        """Remove checkpoints of epochs that are trained once more."""
        for path in earlier_files(self.folder):
            if epoch_in_name(path) > epoch:
                path.unlink(missing_ok=True)
