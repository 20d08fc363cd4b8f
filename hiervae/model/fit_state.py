"""What a running `fit` knows beside the weights, and the callbacks that save it."""

from __future__ import annotations

import abc
import io
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from hiervae.backend.generators import generator_states, set_generator_states
from hiervae.errors import DamagedFileError
from hiervae.model.batch_order import EpochClock
from hiervae.model.within_epoch import (
    TrainingSteps,
    assign_all,
    copies,
    put_values,
    take_values,
)

_KEPT: tuple[tuple[type[keras.callbacks.Callback], tuple[str, ...]], ...] = (
    (
        keras.callbacks.EarlyStopping,
        ("wait", "stopped_epoch", "best", "best_weights", "best_epoch"),
    ),
    (keras.callbacks.ReduceLROnPlateau, ("wait", "best", "cooldown_counter")),
    (keras.callbacks.ModelCheckpoint, ("best",)),
    (keras.callbacks.History, ("epoch", "history")),
    (keras.callbacks.SwapEMAWeights, ("_ema_weights_in_model",)),
)
"""What Keras' own callbacks know of the epochs they have seen."""

_ARRAY = "array of the state"


class FitState(keras.callbacks.Callback):
    """Gathers and puts back what a `fit` knows beside the weights; its last callback.

    That is the state of the callbacks, of the seed of the orders of examples, and of the random
    generators that belong to the process. Of Keras' own callbacks it knows the state; any other
    one gives it by a method `get_state()`, a dict of numbers, text, lists and arrays, and takes it
    back by `set_state(state)`.

    Args:
        callbacks: those whose state is kept.
        clock: the first callback of the same `fit`.
        num_batches: of an epoch, None where its batches need not be the same once more.

    Attributes:
        num_batches: the same.
        goes_on_within: whether the `fit` goes on within an epoch that an earlier process began.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        clock: EpochClock,
        num_batches: int | None = None,
    ) -> None:
        super().__init__()
        self.num_batches = num_batches
        self.goes_on_within = False
        self._within: dict[str, Any] = {}
        self._values: list[Any] = []
        self._metrics: list[Any] | None = None
        self._has_begun = False
        self._restoring = False
        self._callbacks = callbacks
        self._clock = clock
        self._expected: dict[str, Any] | None = None
        self._held: bytes | None = None

    @property
    def finished(self) -> int:
        """Number of epochs that are over."""
        return self._clock.finished

    @property
    def has_stopped(self) -> bool:
        """Whether early stopping has ended the `fit`."""
        return any(getattr(callback, "stopped_epoch", 0) > 0 for callback in self._callbacks)

    def encode(self) -> bytes:
        """The state now, or the one that is held, as a file's content."""
        if self._held is not None:
            return self._held
        states = [(type(callback).__name__, state_of(callback)) for callback in self._callbacks]
        try:
            return pack(
                {
                    "finished": self.finished,
                    "seed": self._clock.seed,
                    "callbacks": [entry for entry in states if entry[1]],
                    "generators": generator_states(),
                }
            )
        except TypeError as error:
            names = ", ".join(name for name, state in states if not _can_pack(state))
            raise ValueError(
                f"get_state() of {names} returned what cannot be saved ({error}): expected a dict "
                "of numbers, text, lists and arrays."
            ) from error

    @property
    def taken(self) -> int:
        """Batches of the epoch that runs on which the model was trained; 0 where that is unsure."""
        model, clock = self._model, self._clock  # `self.model` would sync what a failed `fit` left
        if model is None or not self._has_begun or clock.finished != clock.epoch:
            return 0
        if getattr(model.train_function, "at_work", True):  # a step was broken off
            return 0
        return int(model.training_step) - clock.step

    def takes(self, taken: int, num_batches: int) -> bool:
        """Whether this `fit` can go on after so many batches of an epoch of `num_batches`."""
        model = self._model
        if taken == 0:
            return True
        whole_calls = model is None or taken % int(model.steps_per_execution) == 0
        return num_batches == self.num_batches and (whole_calls or taken == num_batches)

    def encode_within(self, begin: bytes) -> bytes | None:
        """The state within an epoch, from the one at its begin; None if a metric is not finite."""
        model = self._model
        metrics = copies(model.metrics_variables) if self._metrics is None else self._metrics
        if model is None or not all(np.isfinite(values).all() for values in metrics):
            return None
        within = {"begun_at": self._clock.step, "taken": self.taken, "metrics": metrics}
        return pack({**unpack(begin), "within": within})

    @contextmanager
    def holding(self, state: bytes) -> Iterator[None]:
        """Give an earlier state within the context."""
        self._held = state
        try:
            yield
        finally:
            self._held = None

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """Take up the state that is found with the weights that are loaded within the context."""
        self._restoring = True
        try:
            yield
        finally:
            self._restoring = False

    def expect(self, state: bytes) -> None:
        """Take a state up once all callbacks have begun, if this `fit` is being restored.

        Weights that a callback loads to begin with may hold the state of another `fit`.

        Raises:
            DamagedFileError: if it is none.
        """
        if self._restoring:
            self._expected = unpack(state)

    def on_train_begin(self, logs: Any = None) -> None:
        """Put the expected state back, if there is one."""
        self._has_begun = False
        steps = self.model.train_function
        if isinstance(steps, TrainingSteps):
            steps.calls_to_pass, steps.at_work = 0, False
        if self._expected is None:
            return
        state, self._expected = self._expected, None
        self._clock.seed = int(state["seed"])
        self._clock.finished = int(state["finished"])
        self._clock.resumed = True
        left = list(self._callbacks)
        for name, kept in state["callbacks"]:
            callback = next((entry for entry in left if type(entry).__name__ == name), None)
            if callback is not None:
                left.remove(callback)
                put_back(callback, kept)
        set_generator_states(state["generators"])
        self._within = state.get("within", {}) if self.goes_on_within else {}
        if self._within:
            self._clock.begun_at = int(self._within["begun_at"])
            self._values = take_values(self.model)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Put back what was trained of the epoch, after all that other callbacks do to begin it."""
        self._has_begun, self._metrics = True, None
        if not self._within:
            return
        within, self._within = self._within, {}
        model = self.model
        put_values(model, self._values)
        assign_all(model.metrics_variables, within["metrics"])
        self._values = []
        steps = model.train_function
        steps.calls_to_pass = math.ceil(int(within["taken"]) / steps.steps)

    def on_test_begin(self, logs: Any = None) -> None:
        """Keep the metrics of the epoch, before its validation takes their place."""
        if self.num_batches is not None:
            self._metrics = copies(self.model.metrics_variables)


def state_of(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """What a callback knows of the epochs it has seen; empty if it tells nothing."""
    own = getattr(callback, "get_state", None)
    if callable(own):
        return dict(own())
    for kind, names in _KEPT:
        if isinstance(callback, kind):
            kept = {name: getattr(callback, name) for name in names if hasattr(callback, name)}
            if kept.get("best_weights"):  # on TensorFlow those without axes are NumPy's numbers
                kept["best_weights"] = [np.array(weight) for weight in kept["best_weights"]]
            return kept
    return {}


def put_back(callback: keras.callbacks.Callback, state: dict[str, Any]) -> None:
    """Give a callback the state that `state_of` told."""
    own = getattr(callback, "set_state", None)
    if callable(own):
        own(state)
        return
    for name, value in state.items():
        setattr(callback, name, value)


class FitSaver(keras.callbacks.Callback, abc.ABC):
    """A callback that saves a `fit` and goes on with a saved one.

    `fit` lets it begin before all other callbacks and end an epoch after them, wherever it stands
    in the list.
    """

    @property
    def saves_within_epochs(self) -> bool:
        """Whether it is to hear of batches, for which Keras then waits."""
        return False

    @abc.abstractmethod
    def prepare(self, model: Any, state: FitState) -> int | None:
        """Look for a saved `fit`, before training begins.

        Args:
            model: the model to be trained.
            state: tells and takes what the `fit` knows beside the weights.

        Returns:
            The number of epochs that are over; None where nothing is saved. `sys.maxsize` stands
            for a training that early stopping has ended.
        """

    @abc.abstractmethod
    def begin_epoch(self) -> None:
        """Note what an epoch begins with, before any other callback of it."""

    @abc.abstractmethod
    def close(self) -> None:
        """Save what is not saved yet, after training, also one that was broken off."""


def pack(tree: Any) -> bytes:
    """Plain values and arrays as the content of a NumPy archive; nothing is pickled."""
    arrays: list[Any] = []

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): plain(entry) for key, entry in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(entry) for entry in value]
        if isinstance(value, np.generic):
            return value.item()
        if hasattr(value, "__array__"):
            arrays.append(np.asarray(value))
            return {_ARRAY: len(arrays) - 1}
        return value

    text = json.dumps(plain(tree))
    stream = io.BytesIO()
    names = {f"array_{number}": array for number, array in enumerate(arrays)}
    np.savez(stream, tree=np.frombuffer(text.encode(), dtype=np.uint8), **names)
    return stream.getvalue()


def _can_pack(tree: Any) -> bool:
    try:
        pack(tree)
    except TypeError:
        return False
    return True


def unpack(content: bytes) -> Any:
    """What `pack` was given; tuples have become lists.

    Raises:
        DamagedFileError: if it is something else.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            tree = json.loads(archive["tree"].tobytes())

            def full(value: Any) -> Any:
                if isinstance(value, dict) and value.keys() == {_ARRAY}:
                    return archive[f"array_{value[_ARRAY]}"]
                if isinstance(value, dict):
                    return {key: full(entry) for key, entry in value.items()}
                return [full(entry) for entry in value] if isinstance(value, list) else value

            return full(tree)
    except Exception as error:  # a damaged archive raises nearly anything
        raise DamagedFileError(
            f"The saved state of a training is damaged ({error}); expected what `fit` saved. "
            "Begin the training anew."
        ) from error
