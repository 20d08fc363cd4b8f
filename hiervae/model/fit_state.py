"""What a running `fit` knows beside the weights, and the callbacks that save it."""

from __future__ import annotations

import abc
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from hiervae.backend.generators import generator_states, set_generator_states
from hiervae.errors import DamagedFileError
from hiervae.model.batch_order import EpochClock

_KEPT: tuple[tuple[type[keras.callbacks.Callback], tuple[str, ...]], ...] = (
    (
        keras.callbacks.EarlyStopping,
        ("wait", "stopped_epoch", "best", "best_weights", "best_epoch"),
    ),
    (keras.callbacks.ReduceLROnPlateau, ("wait", "best", "cooldown_counter")),
    (keras.callbacks.ModelCheckpoint, ("best",)),
    (keras.callbacks.History, ("epoch", "history")),
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
    """

    def __init__(self, callbacks: Sequence[keras.callbacks.Callback], clock: EpochClock) -> None:
        super().__init__()
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
        return pack(
            {
                "finished": self.finished,
                "seed": self._clock.seed,
                "callbacks": [entry for entry in states if entry[1]],
                "generators": generator_states(),
            }
        )

    @contextmanager
    def holding(self, state: bytes) -> Iterator[None]:
        """Give an earlier state within the context."""
        self._held = state
        try:
            yield
        finally:
            self._held = None

    def expect(self, state: bytes) -> None:
        """Take a state up once all callbacks have begun.

        Raises:
            DamagedFileError: if it is none.
        """
        self._expected = unpack(state)

    def on_train_begin(self, logs: Any = None) -> None:
        """Put the expected state back, if there is one."""
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


def state_of(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """What a callback knows of the epochs it has seen; empty if it tells nothing."""
    own = getattr(callback, "get_state", None)
    if callable(own):
        return dict(own())
    for kind, names in _KEPT:
        if isinstance(callback, kind):
            return {name: getattr(callback, name) for name in names if hasattr(callback, name)}
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
    def close(self) -> None:
        """Save what is not saved yet, after training, also one that was broken off."""


class Beginning(keras.callbacks.Callback):
    """Stands for a saving callback at the beginning of a `fit`: restores before the others."""

    def __init__(self, saver: keras.callbacks.Callback) -> None:
        super().__init__()
        self._saver = saver

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell the saver."""
        self._saver.set_params(params)

    def set_model(self, model: Any) -> None:
        """Tell the saver."""
        super().set_model(model)
        self._saver.set_model(model)

    def on_train_begin(self, logs: Any = None) -> None:
        """Let the saver restore."""
        self._saver.on_train_begin(logs)


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

    Attributes:
        callbacks: all of them, in the order in which Keras is to call them.
        state: what is saved beside the weights; None where nothing saves.
    """

    def __init__(
        self,
        clock: EpochClock,
        steps: keras.callbacks.Callback,
        callbacks: Sequence[Any],
        guards: Sequence[keras.callbacks.Callback],
    ) -> None:
        kinds = (FitSaver, keras.callbacks.BackupAndRestore)
        savers = [callback for callback in callbacks if isinstance(callback, kinds)]
        others = [callback for callback in callbacks if not isinstance(callback, kinds)]
        self._own = [saver for saver in savers if isinstance(saver, FitSaver)]
        if self._own:
            others.append(keras.callbacks.History())  # which goes on with that of before
        state = FitState(others, clock)
        ends = [
            Ending(saver) if isinstance(saver, FitSaver) else EndingOfBatches(saver)
            for saver in savers
        ]
        self.state = state if savers else None
        around = [steps, *others, *guards]
        self.callbacks = [clock, *map(Beginning, savers), *around, *ends, state]

    def prepare(self, model: Any, initial_epoch: int, epochs: int) -> int:
        """Return the epoch to begin with: that of a saved `fit`, where there is one.

        Args:
            model: the model to be trained.
            initial_epoch: the epoch that the user asked for.
            epochs: the epoch to end before.
        """
        for saver in self._own:
            over = None if self.state is None else saver.prepare(model, self.state)
            initial_epoch = initial_epoch if over is None else min(over, epochs)
        return initial_epoch

    def close(self) -> None:
        """Let the savers save what is not saved yet."""
        for saver in self._own:
            saver.close()


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
