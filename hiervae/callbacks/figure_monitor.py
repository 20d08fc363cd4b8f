"""What the callbacks that draw figures have in common."""

from __future__ import annotations

import io
import os
import tempfile
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import keras

from hiervae.callbacks.event_writer import EventWriter
from hiervae.errors import HiervaeError
from hiervae.model.inputs import check_array
from hiervae.plotting.figure_file import save_figure
from hiervae.utils.arrays import require_array
from hiervae.utils.validation import check_positive_int

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class FigureMonitor(keras.callbacks.Callback):
    """Draws figures at the end of epochs, to PNG files, to TensorBoard or to both.

    A subclass draws in `figures()`, and in `rehearse()` whatever can be drawn before there is
    anything to see, so that wrong options are found before training begins. Drawing must leave the
    model's random state alone, so that training is the same with and without the monitor. Figures
    are numbered with `model.training_step`, which continues over several `fit` calls. A disk that
    fills up, or a model gone bad, ends the drawing with one `RuntimeWarning`; training goes on.

    Args:
        x: examples of shape (n, *event_shape).
        directory: where PNG files go, `<name>_<step>.png`; made if missing.
        log_dir: TensorBoard directory; the figures are its run `<run>`.
        every: epochs from figure to figure.

    Attributes:
        run: name of the TensorBoard run. TensorBoard follows one growing file a run, so each kind
            of monitor has a run of its own.

    Raises:
        ValueError: if neither `directory` nor `log_dir` is given, or `every` is not positive.
        DataError: if `x` is not an array; when training begins, if it does not suit the model.
        HiervaeError: when training begins, if a package is missing or nothing can be written.
    """

    run: ClassVar[str]

    def __init__(
        self,
        x: Any,
        directory: str | os.PathLike[str] | None,
        log_dir: str | os.PathLike[str] | None,
        every: int,
    ) -> None:
        super().__init__()
        if directory is None and log_dir is None:
            raise ValueError(
                f"{type(self).__name__} has nowhere to write to: expected `directory` (PNG files) "
                "or `log_dir` (TensorBoard), or both."
            )
        self.x = require_array(x, f"x of {type(self).__name__}")
        self.directory = None if directory is None else Path(directory)
        self.log_dir = None if log_dir is None else Path(log_dir)
        self.every = check_positive_int("every", every)
        self._writer: EventWriter | None = None
        self._enabled = False

    @abstractmethod
    def rehearse(self) -> None:
        """Raise what drawing with these options and this model will raise."""

    @abstractmethod
    def figures(self) -> dict[str, Figure]:
        """Draw with `self.model`; the figures by name."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the open file: a copy, as tuners make it, begins anew."""
        return {**vars(self), "_writer": None, "_enabled": False}

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Check that figures can be drawn and written, before any training is done."""
        self._close()
        check_array("x", self.x, self.model.event_shape)
        self.rehearse()
        if self.directory is not None:
            _check_writable(self.directory)
        if self.log_dir is not None:
            self._writer = EventWriter(self.log_dir / self.run, self.model.training_step + 1)
        self._enabled = True

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Draw and write, each `every`-th epoch."""
        if not self._enabled or (epoch + 1) % self.every:
            return
        step = self.model.training_step
        try:
            for name, figure in self.figures().items():
                self._write(name, figure, step)
        except (OSError, HiervaeError) as error:
            self._close()
            warnings.warn(
                f"{type(self).__name__} draws no more figures, training goes on: {error}",
                RuntimeWarning,
                stacklevel=2,
            )

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Close the event file."""
        self._close()

    def _write(self, name: str, figure: Figure, step: int) -> None:
        if self.directory is not None:
            save_figure(figure, self.directory / f"{name}_{step:07d}.png")
        if self._writer is not None:
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png")
            self._writer.image(name, buffer.getvalue(), step)

    def _close(self) -> None:
        self._enabled = False
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _check_writable(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(bytes(1))
    except OSError as error:
        raise HiervaeError(
            f"Cannot write figures to '{directory}': {error.strerror or error}. Expected a "
            "directory with write permission and free space; give another one."
        ) from error
