"""The progress of a training."""

from __future__ import annotations

import shutil
import threading
import time
from typing import Any, TextIO

import keras

SHOWN = ("elbo", "reconstruction", "kl", "beta", "constraint", "val_elbo")
BAR_WIDTH = 24


class TrainingProgress(keras.callbacks.Callback):
    """One line that is drawn over and over on a terminal; elsewhere a line every few seconds.

    Args:
        stream: where to write.
        num_batches: batches in an epoch.
        num_epochs: epochs of the whole run.
        seconds: least time between two lines where there is no terminal.
    """

    # The batch hook reads nothing from the model, so Keras need not wait for the device.
    async_safe = True

    def __init__(
        self, stream: TextIO, num_batches: int, num_epochs: int, seconds: float = 10.0
    ) -> None:
        super().__init__()
        self.stream = stream
        self.num_batches = num_batches
        self.num_epochs = num_epochs
        self.interval = 0.2 if stream.isatty() else seconds
        self._lock = threading.Lock()
        self._epoch = 0
        self._first: float | None = None
        self._begin = self._drawn = 0.0
        self._logs = ""

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock."""
        self._begin = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Take note of where the run begins."""
        self._epoch = epoch
        self._first = epoch if self._first is None else self._first

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move on within an epoch, on a terminal."""
        if self.stream.isatty():
            self._draw(self._epoch + min(batch + 1, self.num_batches) / self.num_batches)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Show the epoch's numbers."""
        shown = ((name, (logs or {}).get(name)) for name in SHOWN)
        self._logs = "  ".join(f"{name} {value:.4g}" for name, value in shown if value is not None)
        self._draw(epoch + 1, force=epoch + 1 == self.num_epochs or self.model.stop_training)

    def on_train_end(self, logs: Any = None) -> None:
        """Leave the last line as it is."""
        self.close()

    def close(self) -> None:
        """End a line that is being drawn."""
        if self.stream.isatty() and self._drawn:
            self.stream.write("\n")
            self.stream.flush()

    def _draw(self, position: float, force: bool = False) -> None:
        with self._lock:
            now = time.monotonic()
            if not force and now - self._drawn < self.interval:
                return
            self._drawn = now
            count = f"epoch {int(position)}/{self.num_epochs}"
            text = "  ".join(filter(None, (count, self._logs, self._left(position, now))))
            if self.stream.isatty():
                filled = round(BAR_WIDTH * position / self.num_epochs)
                bar = "=" * filled + "." * (BAR_WIDTH - filled)
                width = shutil.get_terminal_size().columns - 1
                text = f"\r{f'[{bar}] {text}'[:width]:<{width}}"
            self.stream.write(text if self.stream.isatty() else f"{text}\n")
            self.stream.flush()

    def _left(self, position: float, now: float) -> str:
        done = position - (self._first or 0)
        seconds = round((now - self._begin) / done * (self.num_epochs - position))
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        clock = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
        return f"{clock} left"
