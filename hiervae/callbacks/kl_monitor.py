"""The KL of each unit during training."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np

from hiervae.callbacks.event_writer import EventWriter
from hiervae.errors import DamagedFileError, HiervaeError
from hiervae.evaluation import KLHistory, KLProfile, kl_history, kl_profile
from hiervae.model.inputs import check_array
from hiervae.utils.arrays import require_array
from hiervae.utils.files import replacing
from hiervae.utils.validation import check_positive_int


class KLMonitor(keras.callbacks.Callback):
    """Measures the KL of each level, and of its units, at the end of epochs.

    Draws come from the same noise each time, so that differences between two moments are the
    model's; training is the same with and without the monitor. A disk that fills up, or a model
    gone bad, ends the measuring with one `RuntimeWarning`; training goes on.

    Args:
        x: examples of shape (n, *event_shape).
        path: a NumPy archive that is rewritten at each moment, and gone on with if it is there
            when training begins; read it with `hiervae.evaluation.KLHistory.from_arrays`.
        log_dir: TensorBoard directory; the run `kl` there has a histogram of the units of each
            level at each moment. A level whose KL does not split into units has none, as where a
            learned prior governs it; without any there is no such run.
        every: epochs from moment to moment.
        seed: of the draws.

    Attributes:
        history: what was measured; None before the first moment.

    Raises:
        ValueError: if `every` is not positive.
        DataError: if `x` is not an array; when training begins, if it does not suit the model.
        DamagedFileError: when training begins, if `path` holds something else.
        HiervaeError: when training begins, if TensorBoard's events cannot be written.

    Example:
        >>> import hiervae, numpy
        >>> monitor = hiervae.callbacks.KLMonitor(numpy.zeros((100, 784)), "runs/a/kl.npz")
    """

    run = "kl"

    def __init__(
        self,
        x: Any,
        path: str | os.PathLike[str] | None = None,
        log_dir: str | os.PathLike[str] | None = None,
        every: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.x = require_array(x, "x of KLMonitor")
        self.path = None if path is None else Path(path)
        self.log_dir = None if log_dir is None else Path(log_dir)
        self.every = check_positive_int("every", every)
        self.seed = seed
        self.history: KLHistory | None = None
        self._writer: EventWriter | None = None
        self._first_step = 1
        self._enabled = False

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the open file: a copy, as tuners make it, begins anew."""
        return {**vars(self), "_writer": None, "_enabled": False}

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Take up what was measured before, and see that events can be written."""
        self._close()
        check_array("x", self.x, self.model.event_shape)
        step = self.model.training_step
        if self.path is not None and self.path.is_file():
            self.history = read_kl_history(self.path)
        if self.history is not None:
            self.history = self.history.up_to(step)
        if self.log_dir is not None:
            self._first_step = step + 1
            EventWriter(self.log_dir / self.run, self._first_step).discard()
        self._enabled = True

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Measure, each `every`-th epoch."""
        if not self._enabled or (epoch + 1) % self.every:
            return
        try:
            self._measure(self.model.training_step)
        except (OSError, HiervaeError) as error:
            self._close()
            warnings.warn(
                f"KLMonitor measures no more, training goes on: {error}",
                RuntimeWarning,
                stacklevel=2,
            )

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Close the event file."""
        self._close()

    def _measure(self, step: int) -> None:
        profile = kl_profile(self.model, self.x, seed=self.seed)
        moment = kl_history([step], [profile])
        self.history = moment if self.history is None else self.history.followed_by(moment)
        if self.path is not None:
            write_kl_history(self.history, self.path)
        if self.log_dir is not None:
            self._write_events(self.log_dir / self.run, profile, step)

    def _write_events(self, directory: Path, profile: KLProfile, step: int) -> None:
        for term in profile.terms:
            if term.per_unit is not None:
                if self._writer is None:
                    self._writer = EventWriter(directory, self._first_step)
                self._writer.histogram(f"{term.name} per unit", term.per_unit, step)

    def _close(self) -> None:
        self._enabled = False
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def write_kl_history(history: KLHistory, path: Path) -> None:
    """Write a history whole or not at all.

    Raises:
        OSError: if the file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **history.as_arrays())


def read_kl_history(path: Path) -> KLHistory:
    """Read what `write_kl_history` wrote.

    Raises:
        OSError: if the file cannot be read.
        DamagedFileError: if it holds something else.
    """
    try:
        with path.open("rb") as stream, np.load(stream) as arrays:
            return KLHistory.from_arrays(dict(arrays))
    except (ValueError, KeyError, EOFError, TypeError, BadZipFile, HiervaeError) as error:
        raise DamagedFileError(
            f"{path} is damaged, or no history of the KL; delete the file, it is made anew."
        ) from error
