"""Going on within an epoch: batches that were trained on already are passed over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from hiervae.utils.interrupts import deliver


class TrainingSteps:
    """The training function that Keras calls, which can pass over what was trained on already.

    A deferred Ctrl-C is delivered before each call.

    Args:
        function: of the backend: of a list of batches, of an iterator, or of a state and one.
        model: that is trained; it may not be built yet.

    Attributes:
        function: the same.
        calls_to_pass: how many calls from now on train nothing.
        at_work: whether a call began and did not end, such as one that was broken off.
    """

    def __init__(self, function: Callable[..., Any], model: Any) -> None:
        self.function = function
        self.steps = int(model.steps_per_execution)
        self._model = model
        self.calls_to_pass = 0
        self.at_work = False

    def __call__(self, *arguments: Any) -> Any:
        """Train on the next batches, or read them only.

        Raises:
            KeyboardInterrupt: if Ctrl-C was pressed since the last call.
        """
        deliver()
        if self.calls_to_pass:
            self.calls_to_pass -= 1
            return self._passed(*arguments)
        self.at_work = True
        result = self.function(*arguments)
        self.at_work = False
        return result

    def _passed(self, *arguments: Any) -> Any:
        *state, batches = arguments
        if not isinstance(batches, list):  # else Keras has read them
            for _ in islice(batches, self.steps):
                pass
        logs = dict.fromkeys(self._model.metrics_names, 0.0)
        return (logs, *state) if state else logs


class QuietAtFirst(keras.callbacks.CallbackList):
    """Callbacks that hear nothing of batches that are passed over.

    Args:
        model: that is trained.
        callbacks: all of them.
        verbose: as in `fit`.
        epochs: as in `fit`.
        steps: batches of an epoch.
    """

    def __init__(
        self, model: Any, callbacks: Sequence[Any], verbose: Any, epochs: int, steps: int
    ) -> None:
        self._quiet = False
        super().__init__(
            list(callbacks),
            add_history=True,
            add_progbar=verbose != 0,
            model=model,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
        )

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Tell the callbacks, if the batch will be trained on."""
        steps = getattr(self._model, "train_function", None)
        self._quiet = isinstance(steps, TrainingSteps) and steps.calls_to_pass > 0
        if not self._quiet:
            super().on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell the callbacks, if the batch was trained on."""
        if not self._quiet:
            super().on_train_batch_end(batch, logs)


def take_values(model: Any) -> list[NDArray[Any]]:
    """Copy all that a model file holds: weights, generators, control and optimiser state."""
    return copies(_variables(model))


def put_values(model: Any, values: list[NDArray[Any]]) -> None:
    """Put copied values back."""
    assign_all(_variables(model), values)


def copies(variables: Sequence[Any]) -> list[NDArray[Any]]:
    """The values of variables, in memory of their own."""
    return [np.array(ops.convert_to_numpy(variable)) for variable in variables]


def assign_all(variables: Sequence[Any], values: Sequence[NDArray[Any]]) -> None:
    """Give variables their values."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _variables(model: Any) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]
