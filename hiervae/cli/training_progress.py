"""The progress of a training."""

from __future__ import annotations

from typing import Any, TextIO

import keras

from hiervae.cli.console import SECONDS, Progress

SHOWN = ("elbo", "reconstruction", "kl", "beta", "constraint", "val_elbo")


COMPILING = "compiling the steps; the first epoch takes longest"


class TrainingProgress(keras.callbacks.Callback):
    """Show how many epochs are done, with the numbers of the last one.

    Args:
        stream: where to write.
        num_batches: batches in an epoch.
        num_epochs: epochs of the whole run.
        seconds: least time between two lines where there is no terminal.
    """

    # The batch hook reads nothing from the model, so Keras need not wait for the device.
    async_safe = True

    def __init__(
        self, stream: TextIO, num_batches: int, num_epochs: int, seconds: float = SECONDS
    ) -> None:
        super().__init__()
        self.stream = stream
        self.num_batches = num_batches
        self.num_epochs = num_epochs
        self.seconds = seconds
        self._epoch = 0
        self._compiling = True
        self._progress: Progress | None = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin, at the first epoch."""
        self._epoch = epoch
        if self._progress is None:
            self._progress = Progress(self.stream, self.num_epochs, "epoch", epoch, self.seconds)
            if keras.backend.backend() != "torch":
                self._progress.update(epoch, COMPILING, force=True)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move on within an epoch, on a terminal."""
        if self._progress is not None and self._progress.is_live:
            done = self._epoch + min(batch + 1, self.num_batches) / self.num_batches
            self._progress.update(done, "" if self._compiling else None)
            self._compiling = False

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Show the epoch's numbers."""
        shown = ((name, (logs or {}).get(name)) for name in SHOWN)
        text = "  ".join(f"{name} {value:.4g}" for name, value in shown if value is not None)
        if self._progress is not None:
            self._progress.update(epoch + 1, text, force=self.model.stop_training)

    def on_train_end(self, logs: Any = None) -> None:
        """Leave what is shown as it is."""
        self.close()

    def close(self) -> None:
        """End the display; a second call does nothing."""
        if self._progress is not None:
            self._progress.close()
