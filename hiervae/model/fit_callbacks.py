"""Callbacks that every `fit` has, and how it is given others."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from hiervae.backend import steps_wait
from hiervae.errors import NonFiniteLossError
from hiervae.schedulers.base import Scheduler


class NonFiniteGuard(keras.callbacks.Callback):
    """Raise an error that names the term of the loss that became NaN or infinite.

    Every `fit` has one. The loss is read from the device once in `every` calls and at the end of
    an epoch, never at each batch.

    Args:
        every: calls of the compiled step between two looks.
    """

    def __init__(self, every: int = 200) -> None:
        super().__init__()
        # Else Keras waits for the device after every batch, to give the hook its logs as numbers.
        # Where they are numbers already, a thread for the hook costs more than the hook.
        self.async_safe = not steps_wait()
        self.every = every
        self._calls = 0
        self._bad = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the running loss now and then, and end the epoch if it went bad."""
        self._calls += 1
        if self._calls % self.every == 0 and not math.isfinite(float(logs["loss"])):
            self._bad = True
            self._model.stop_training = True  # `self.model` would sync the state, from a thread

    def on_test_begin(self, logs: Any = None) -> None:
        """Look before the epoch's validation, which would report its own terms."""
        self._look(float(self.model.step_metrics.result()["loss"]))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look at the epoch's loss."""
        if logs:
            self._look(float(logs["loss"]))

    def _look(self, loss: float) -> None:
        if not self._bad and math.isfinite(loss):
            return
        terms = self.model.step_metrics.non_finite_terms()
        rule = self.model.control.scheduler
        hint = None if rule is None else rule.diagnose(self.model.control.read())
        raise NonFiniteLossError(
            f"Training stopped near step {self.model.training_step}: the loss is {loss}. "
            f"The first term that went bad: {', '.join(terms) or 'loss'}. "
            f"{hint + ' Also check' if hint else 'Check'} that the data is "
            "finite and in the range of the likelihood, and the sample weights, if there are some, "
            "one non-negative number an example; else lower the learning rate or bound the "
            "log-variances more tightly."
        )


class TrainableGuard(keras.callbacks.Callback):
    """Refuses to go on when weights were frozen or thawed in the middle of a `fit`.

    The compiled step would go on as before, or fail on the number of weights.
    """

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Compare the weights in training with those of the step, after all other callbacks."""
        model = self._model  # `self.model` would sync the state
        if model is not None and model.built:
            model.check_trainable()


class StepCount(keras.callbacks.Callback):
    """Keeps the model's counts of steps from going back in a `fit`, in which they were taken.

    They are weights, so a callback that restores the best weights would rewind them. The curves of
    the next `fit` would be drawn over those of this one, and the optimiser, which is not rewound,
    would take a part behind a gate for one that had trained meanwhile.
    """

    def __init__(self) -> None:
        super().__init__()
        self._taken: list[Any] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Note the steps of before, also of a training that was restored."""
        self._note(self.model)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Note the steps so far, before any other callback of the epoch."""
        self._note(self.model)

    def put_back(self) -> None:
        """Set each count to the most that was noted, if it is behind."""
        model = self._model  # `self.model` would sync the state that a failed `fit` left behind
        if model is None:
            return
        for count, taken in zip(_counts(model), self._taken, strict=False):
            now = ops.convert_to_numpy(count)
            if (now < taken).any():
                count.assign(np.maximum(now, taken))

    def _note(self, model: Any) -> None:
        self._taken = [np.array(ops.convert_to_numpy(count)) for count in _counts(model)]


def _counts(model: Any) -> tuple[Any, Any]:
    return model.control.step, model.control.closed_steps


def single_callbacks(callbacks: Any) -> list[Any]:
    """The callbacks that Keras takes as one, several or a container of them.

    Raises:
        ValueError: if one of them is no callback.
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    several = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    found = [callback for callback in several if callback is not None]
    for callback in found:
        if not isinstance(callback, keras.callbacks.Callback):
            raise ValueError(
                f"callbacks holds {callback!r} of the type {type(callback).__name__}: expected "
                "instances of `keras.callbacks.Callback`."
            )
    return found


def refuse_controllers(what: str, callbacks: Any) -> None:
    """Refuse a beta controller where nothing is trained.

    Raises:
        ValueError: if there is one.
    """
    for callback in single_callbacks(callbacks):
        if isinstance(getattr(callback, "scheduler", None), Scheduler):
            raise ValueError(
                f"{what}() received a {type(callback).__name__}, but is at beta = 1; expected it "
                "among the callbacks of `fit` alone. Leave it out."
            )
