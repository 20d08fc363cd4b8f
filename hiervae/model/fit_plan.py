"""The order in which the callbacks of a `fit` are called, those that save it among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from hiervae.model.batch_order import EpochClock
from hiervae.model.fit_state import FitSaver, FitState
from hiervae.model.within_epoch import QuietAtFirst


class Beginning(keras.callbacks.Callback):
    """Stands for a saving callback at the beginning of a `fit`: restores before the others."""

    def __init__(self, saver: keras.callbacks.Callback, state: FitState) -> None:
        super().__init__()
        self._saver = saver
        self._state = state

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell the saver."""
        self._saver.set_params(params)

    def set_model(self, model: Any) -> None:
        """Tell the saver."""
        super().set_model(model)
        self._saver.set_model(model)

    def on_train_begin(self, logs: Any = None) -> None:
        """Let the saver restore."""
        with self._state.restoring():
            self._saver.on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Let the saver see the state before the epoch."""
        if isinstance(self._saver, FitSaver):
            self._saver.begin_epoch()


class Ending(keras.callbacks.Callback):
    """Stands for a saving callback at the end of a list: saves after the others."""

    def __init__(self, saver: keras.callbacks.Callback) -> None:
        super().__init__()
        self._saver = saver

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Tell the saver."""
        self._saver.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Let the saver save."""
        self._saver.on_epoch_end(epoch, logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Tell the saver."""
        self._saver.on_train_end(logs)


class EndingOfBatches(Ending):
    """The same of a saver that saves within epochs too, which Keras then waits for."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Tell the saver."""
        self._saver.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Let the saver save."""
        self._saver.on_train_batch_end(batch, logs)


class FitPlan:
    """The callbacks of a `fit` in their order, and those among them that save it.

    Args:
        clock: comes first.
        steps: counts the steps, before the user's callbacks.
        callbacks: the user's.
        guards: come after the user's.
        num_batches: as in `FitState`.

    Raises:
        ValueError: if Keras' `BackupAndRestore` is to save within epochs.

    Attributes:
        state: what is saved beside the weights; None where nothing saves.
    """

    def __init__(
        self,
        clock: EpochClock,
        steps: keras.callbacks.Callback,
        callbacks: Sequence[Any],
        guards: Sequence[keras.callbacks.Callback],
        num_batches: int | None = None,
    ) -> None:
        kinds = (FitSaver, keras.callbacks.BackupAndRestore)
        savers = [callback for callback in callbacks if isinstance(callback, kinds)]
        for saver in savers:
            frequency = getattr(saver, "save_freq", "epoch")
            if frequency != "epoch":
                raise ValueError(
                    f"BackupAndRestore(save_freq={frequency}) saves within an epoch, and would "
                    "train a part of it twice; expected save_freq='epoch'. Use "
                    f"`hiervae.callbacks.Resume(folder, every_steps={frequency})`."
                )
        others = [callback for callback in callbacks if not isinstance(callback, kinds)]
        self._own = [saver for saver in savers if isinstance(saver, FitSaver)]
        if self._own:
            others.append(keras.callbacks.History())  # which goes on with that of before
        state = FitState(others, clock, num_batches if self._own else None)
        ends = [
            EndingOfBatches(saver) if getattr(saver, "saves_within_epochs", True) else Ending(saver)
            for saver in savers
        ]
        self.state = state if savers else None
        around = [steps, *others, *guards]
        begins = [Beginning(saver, state) for saver in savers]
        self._callbacks = [clock, *begins, *around, *ends, state]

    def prepare(self, model: Any, initial_epoch: int, epochs: int) -> int:
        """Return the epoch to begin with: that of a saved `fit`, where there is one.

        Args:
            model: the model to be trained.
            initial_epoch: the epoch that the user asked for.
            epochs: the epoch to end before.
        """
        if self.state is not None:
            self.state.set_model(model)
        for saver in self._own:
            over = None if self.state is None else saver.prepare(model, self.state)
            initial_epoch = initial_epoch if over is None else min(over, epochs)
        return initial_epoch

    def chain(self, model: Any, verbose: Any, epochs: int) -> Any:
        """All callbacks in the order in which Keras is to call them, as its `fit` takes them.

        Args:
            model: the model to be trained.
            verbose: as in `fit`.
            epochs: as in `fit`.
        """
        state = self.state
        if state is None or not state.goes_on_within or state.num_batches is None:
            return self._callbacks
        return QuietAtFirst(model, self._callbacks, verbose, epochs, state.num_batches)

    def close(self) -> None:
        """Let the savers save what is not saved yet."""
        for saver in self._own:
            saver.close()
