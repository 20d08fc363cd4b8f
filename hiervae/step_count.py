"""The count of training steps, whatever becomes of the weights."""

from __future__ import annotations

from typing import Any

import keras


class StepCount(keras.callbacks.Callback):
    """Keeps the model's count of steps from going back in a `fit`, in which they were taken.

    The count is a weight, so a callback that restores the best weights would rewind it, and the
    curves of the next `fit` would be drawn over those of this one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._taken = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Note the steps so far, before any other callback of the epoch."""
        self._taken = self.model.training_step

    def put_back(self) -> None:
        """Set the count to the most that was noted, if it is behind."""
        model = self._model  # `self.model` would sync the state that a failed `fit` left behind
        if model is not None and model.training_step < self._taken:
            model.control.step.assign(self._taken)
