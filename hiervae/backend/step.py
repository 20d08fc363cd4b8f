"""What a step adapter takes from the model it trains, and what the model's step gives it."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import keras
from numpy.typing import NDArray

from hiervae.types import Shape, Tensor


@dataclass(frozen=True)
class Gate:
    """One gate of the scheduler and what it holds while it is closed.

    Attributes:
        key: its name in the control state, where a positive value means open.
        weights: positions in the model's `trainable_variables`.
        slots: positions in the optimiser's `variables`.
        shared: positions there of what belongs to no weight, such as the count of steps.
        group: position in the model's `closed_steps`.
    """

    key: str
    weights: tuple[int, ...]
    slots: tuple[int, ...]
    shared: tuple[int, ...] = ()
    group: int = 0


class RowFunction(Protocol):
    """What `compile_rows` gives: a function of arrays with the same rows, and of others."""

    def __call__(self, rows: Sequence[Tensor], common: Sequence[Tensor] = ()) -> Any:
        """Arrays with as many rows as the first ones."""


@dataclass(frozen=True)
class StepOutcome:
    """What the shared step makes of one batch; the metrics have taken it up already.

    Attributes:
        loss: the scalar to differentiate, nats.
        control: the scheduler's state that governs the step, its gates included.
        logs: the metrics' values so far, by name.
    """

    loss: Tensor
    control: Mapping[str, Any]
    logs: dict[str, Tensor]


class Examples(NamedTuple):
    """Rows that batches are made of.

    Attributes:
        inputs: (n, *event_shape).
        weights: sample weights (n,), or None.
    """

    inputs: Any
    weights: Any


@dataclass(frozen=True)
class Feeds:
    """Examples on the device that steps take by their row numbers, the batches that Keras gives.

    Attributes:
        train: those of the training step, None where it is given the batches themselves.
        test: those of the test step, as `train`.
        test_rows: rows of a whole batch of the test step, None where its source alone knows.
    """

    train: Examples | None = None
    test: Examples | None = None
    test_rows: int | None = None


class Compilable(Protocol):
    """What a compiled function reads and advances: variables, and generators among them."""

    @property
    def variables(self) -> Sequence[keras.Variable]:
        """All that is read."""

    @property
    def generator_states(self) -> Sequence[keras.Variable]:
        """Those that are advanced."""


class SteppedModel(keras.Model, abc.ABC):
    """What a step adapter knows of its model, beside what every Keras model has.

    Attributes:
        event_shape: shape of one example, None before the model is built.
        feeds: what the steps take their examples from.
    """

    event_shape: Shape | None
    feeds: Feeds = Feeds()

    def placed(
        self, inputs: NDArray[Any], weights: NDArray[Any] | None, training: bool = True
    ) -> Examples | None:
        """The arrays on the device, or None on a backend whose steps take batches alone.

        Args:
            inputs: (n, *event_shape).
            weights: sample weights (n,), or None.
            training: whether the training step takes them, or the test step alone.
        """
        return None

    @contextmanager
    def fed_by(self, **feeds: Any) -> Iterator[None]:
        """Let the steps within be fed otherwise; see `Feeds`."""
        kept = self.feeds
        self.feeds = replace(kept, **feeds)
        try:
            yield
        finally:
            self.feeds = kept

    @property
    @abc.abstractmethod
    def gates(self) -> tuple[Gate, ...]:
        """The gates of the scheduler at work, and what they hold."""

    @property
    @abc.abstractmethod
    def closed_steps(self) -> keras.Variable:
        """For each group of weights the optimiser's steps that its gate was closed in, int32.

        The optimiser counts its steps for all weights together. What it does by that count, such
        as Adam's bias correction, it does for a group by the count less these.
        """

    @property
    @abc.abstractmethod
    def rule_numbers(self) -> keras.Variable:
        """What the training step reads beside the model's variables, and leaves as it is."""

    @abc.abstractmethod
    def batch_outcome(self, inputs: Tensor, weights: Tensor | None, training: bool) -> StepOutcome:
        """Evaluate the objective on one batch, advance the control state, update the metrics.

        Args:
            inputs: examples, shape (batch, *event_shape).
            weights: sample weights (batch,) or (batch, 1), or None.
            training: False evaluates at beta = 1 and leaves the control state alone.
        """


def unpack_batch(data: Any) -> tuple[Tensor, Tensor | None]:
    """Examples and sample weights of a batch; targets are ignored.

    Raises:
        ValueError: if the examples are not one array.
    """
    inputs, _, weights = keras.utils.unpack_x_y_sample_weight(data)
    if isinstance(inputs, (dict, list, tuple)):
        raise ValueError(
            f"A batch holds a {type(inputs).__name__} of inputs; expected one array of "
            "examples, (batch, *event_shape). Yield `x`, `(x,)` or `(x, y, sample_weight)`."
        )
    return inputs, weights


def check_weight_shape(num_examples: int, shape: Sequence[int]) -> None:
    """Refuse sample weights that are not one an example.

    Args:
        num_examples: in the batch.
        shape: of its weights.

    Raises:
        ValueError: if they are of another shape than (num_examples,) or (num_examples, 1).
    """
    if tuple(shape) not in {(num_examples,), (num_examples, 1)}:
        raise ValueError(
            f"A batch of {num_examples} examples came with sample weights of shape "
            f"{tuple(shape)}; expected ({num_examples},), one an example."
        )
