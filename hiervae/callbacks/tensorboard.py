"""Training curves in TensorBoard, on any backend."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, Literal, NamedTuple

import keras

from hiervae.callbacks.batch_sequence import BatchSequence
from hiervae.callbacks.event_writer import EventWriter
from hiervae.errors import HiervaeError
from hiervae.model.metrics import CONTROL_NAMES


class _Mark(NamedTuple):
    """When the model had made how many steps."""

    step: int
    seconds: float


_OF_ONE_FIT = (
    "_writers",
    "_enabled",
    "_first_step",
    "_lock",
    "_batches",
    "_epoch_begin",
    "_last_record",
    "_epoch_end",
)


class TensorBoard(keras.callbacks.Callback):
    """Writes the logs of `fit` as TensorBoard scalars; needs no TensorFlow.

    At the end of each epoch, every entry of the logs (`elbo`, `reconstruction`, `kl`, `kl_1`,
    `beta`, ...; nats where it is a density) goes to the run `log_dir/train` under its own name,
    with `learning_rate` and `steps_per_second`; every `val_` entry goes to `log_dir/validation`
    under its name without `val_`, so that the two curves are drawn over one another; but for
    `beta` and what else a rule decides, which are constants in validation. The step is
    `model.training_step`, which continues over several `fit` calls and over saving and loading (of
    a Keras model without it: `optimizer.iterations`).

    With `update_freq=N`, the logs of batches go to `log_dir/train` as well, as `batch/elbo` and so
    on: the mean over the epoch so far, as in the progress bar. The training loop is not made to
    wait for the numbers, and the model is never touched within an epoch.

    A disk that fills up during training ends the writing with one `RuntimeWarning`; training goes
    on. Each record is on disk as soon as it is written, also if training is interrupted.

    Args:
        log_dir: directory for the runs `train` and `validation`.
        update_freq: `"epoch"`, or the number of optimiser steps between two records of batch logs.
            With `steps_per_execution` it is rounded up to whole executions.
        write_steps_per_second: also write the training speed, without validation. The first epoch
            includes compilation.

    Raises:
        ValueError: if `update_freq` is neither `"epoch"` nor a positive integer.
        HiervaeError: when training begins, if `log_dir` cannot be written or the `tensorboard`
            package is missing.

    Example:
        >>> import hiervae
        >>> callback = hiervae.callbacks.TensorBoard("runs/a", update_freq=100)
    """

    # Batch hooks may run in Keras' threads while the model is being updated: they never read it.
    async_safe = True

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        update_freq: Literal["epoch"] | int = "epoch",
        write_steps_per_second: bool = True,
    ) -> None:
        super().__init__()
        is_count = isinstance(update_freq, int) and not isinstance(update_freq, bool)
        if update_freq != "epoch" and not (is_count and update_freq > 0):
            raise ValueError(
                f"update_freq={update_freq!r} is not understood. Expected 'epoch', or the number "
                "of optimiser steps between two records, such as 100."
            )
        self.log_dir = Path(log_dir)
        self.update_freq = update_freq
        self.write_steps_per_second = write_steps_per_second
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._writers: dict[str, EventWriter] = {}
        self._enabled = False
        self._first_step = 0
        self._lock = threading.Lock()
        self._batches: BatchSequence[tuple[float, Mapping[str, Any]]] = BatchSequence()
        self._epoch_begin = self._last_record = _Mark(0, 0.0)
        self._epoch_end: _Mark | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out open files and the lock: a copy, as tuners make it, begins anew."""
        return {name: value for name, value in vars(self).items() if name not in _OF_ONE_FIT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up the settings."""
        vars(self).update(state)
        self._begin_anew()

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Open the run `train`."""
        self._close()
        self._first_step = self._training_step() + 1
        self._writer("train")
        self._enabled = True

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Start the clock."""
        self._batches = BatchSequence()
        self._epoch_begin = self._last_record = self._mark()
        self._epoch_end = None

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Note the order of the batches."""
        if self.update_freq != "epoch":
            with self._lock:
                self._batches.begin(batch)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Write the logs of every `update_freq`-th step."""
        if self.update_freq != "epoch":
            now = time.perf_counter()
            with self._lock:
                for last, (seconds, values) in self._batches.end(batch, (now, logs or {})):
                    step = self._epoch_begin.step + self._num_batches(last)
                    if step // self.update_freq > self._last_record.step // self.update_freq:
                        self._write_batch(_Mark(step, seconds), values)

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Stop the clock before the validation of `fit`."""
        self._epoch_end = self._mark()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Write the logs of the epoch."""
        end = self._epoch_end or self._mark()
        train: dict[str, Any] = {"learning_rate": self._learning_rate()}
        validation: dict[str, Any] = {}
        for name, value in (logs or {}).items():
            if not name.startswith("val_"):
                train[name] = value
            elif (tag := name.removeprefix("val_")) not in CONTROL_NAMES:
                validation[tag] = value
        self._write("train", train | self._speed(self._epoch_begin, end), end.step)
        if validation:
            self._write("validation", validation, end.step)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Close the files."""
        self._close()

    def _num_batches(self, last: int) -> int:
        # Keras counts a last execution of fewer steps than `steps_per_execution` as a whole one.
        return min(last + 1, (self.params or {}).get("steps") or last + 1)

    def _write_batch(self, mark: _Mark, logs: Mapping[str, Any]) -> None:
        values = {**logs, **self._speed(self._last_record, mark)}
        self._last_record = mark
        self._write("train", {f"batch/{name}": value for name, value in values.items()}, mark.step)

    def _write(self, run: str, values: Mapping[str, Any], step: int) -> None:
        if not self._enabled:
            return
        numbers = {name: float(value) for name, value in values.items() if isinstance(value, Real)}
        try:
            self._writer(run).scalars(numbers, step)
        except (OSError, HiervaeError) as error:
            self._close()
            warnings.warn(
                f"TensorBoard events are no longer written to '{self.log_dir}', training goes on: "
                f"{error}",
                RuntimeWarning,
                stacklevel=2,
            )

    def _writer(self, run: str) -> EventWriter:
        if run not in self._writers:
            self._writers[run] = EventWriter(self.log_dir / run, self._first_step)
        return self._writers[run]

    def _close(self) -> None:
        self._enabled = False
        while self._writers:
            self._writers.popitem()[1].close()

    def _speed(self, begin: _Mark, end: _Mark) -> dict[str, float]:
        seconds = end.seconds - begin.seconds
        if not self.write_steps_per_second or seconds <= 0:
            return {}
        return {"steps_per_second": (end.step - begin.step) / seconds}

    def _mark(self) -> _Mark:
        # Reading the step waits until the device has made it, so the clock is read after it.
        return _Mark(self._training_step(), time.perf_counter())

    def _training_step(self) -> int:
        model = self.model
        return int(getattr(model, "training_step", model.optimizer.iterations))

    def _learning_rate(self) -> float:
        return float(self.model.optimizer.learning_rate)
