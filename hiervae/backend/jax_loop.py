"""Several training or test steps in one compiled call, on examples that stay on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby, islice
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
from jax.sharding import NamedSharding
from numpy.typing import NDArray

from hiervae.backend.jax_devices import Layout, batch_sharding, replicated, spread
from hiervae.backend.jax_filling import CountedRows, Filling
from hiervae.backend.step import Examples, check_weight_shape, unpack_batch
from hiervae.types import Tensor
from hiervae.utils.batching import few_sizes
from hiervae.utils.replicas import acting_as

JOINED_BYTES = 64 * 2**20
"""Batches of a source are joined to at most as many bytes before they go to the device."""

RESIDENT_BYTES = 2**30
"""Examples of at most as many bytes stay on the device for the whole of a `fit`."""

State: TypeAlias = tuple[Any, ...]
Logs: TypeAlias = dict[str, Tensor]
Step: TypeAlias = Callable[[State, Any, Tensor], tuple[Logs, State]]


class Work(NamedTuple):
    """What one call of the program trains on.

    Attributes:
        examples: on the device, or on their way to it.
        rows: of each step, (steps, batch); only the first `num_steps` steps are taken. None takes
            all examples in one step.
        num_steps: number of steps.
        counts: of each step the rows that count, the first ones, (steps,); None where all do.
    """

    examples: Examples
    rows: NDArray[np.int32] | None
    num_steps: int
    counts: NDArray[np.int32] | None = None


def place_examples(
    inputs: NDArray[Any], weights: NDArray[Any] | None, few: bool = False
) -> Examples | None:
    """Copies of arrays on every device, or None where they are too large to stay there.

    Other processes have examples of their own, so that nothing stays where there are any.

    Args:
        inputs: (n, *event_shape).
        weights: sample weights (n,), or None.
        few: fill up with rows that nobody takes, to one of few numbers of rows.
    """
    if inputs.nbytes > RESIDENT_BYTES or jax.process_count() > 1:
        return None
    examples = Examples(inputs, weights)
    if few:
        examples = jax.tree.map(lambda values: _longer(values, few_sizes(len(values))), examples)
    return Examples(*jax.device_put(tuple(examples), replicated(batch_sharding())))


class FusedSteps:
    """Runs up to `num_steps` steps in one call of a compiled program.

    It replaces the function that Keras calls with its state and an iterator over batches,
    and takes as many of them: `num_steps`, or what there is.

    Args:
        step: of a state, a batch `(inputs, None, weights)` and the rule's numbers; pure.
        logs_of: from the metrics' values after the last step to what is logged.
        num_steps: the most steps a call.
        examples: gives the examples that stay on the device, in which case the iterator yields
            their row numbers; None where it yields batches.
        numbers: gives the rule's numbers, which no step changes.
        differentiates: whether the step takes gradients.
        filling: how batches are filled up, with rows of weight 0; None leaves them as they are.
    """

    def __init__(
        self,
        step: Step,
        logs_of: Callable[[Sequence[Tensor]], Logs],
        num_steps: int,
        examples: Callable[[], Examples | None],
        numbers: Callable[[], Tensor],
        differentiates: bool,
        filling: Filling | None = None,
    ) -> None:
        self._differentiates = differentiates
        self._num_steps = num_steps
        self._filling = filling
        self._numbers = numbers
        self._examples = examples
        self._usual_size = 0
        self._step, self._logs_of = step, logs_of
        self._loops: bool | None = None
        self.program: Any = self._compiled(loops=True)

    def _compiled(self, loops: bool) -> Any:
        """The program of one call; one that does not loop takes a single step."""
        step, logs_of = self._step, self._logs_of

        def run(
            layout: Layout | None,
            state: State,
            examples: Examples,
            rows: Tensor | None,
            count: int | Tensor,
            counts: Tensor | None,
            numbers: Tensor,
        ) -> tuple[Logs, State]:
            def take(index: int | Tensor, state: State) -> State:
                batch = examples if rows is None else _rows_of(examples, rows[index])
                batch = spread(batch, None if layout is None else layout.batch)
                if counts is None:
                    return step(state, (batch.inputs, None, batch.weights), numbers)[1]
                counted = CountedRows(len(batch.inputs), counts[index])
                with acting_as(counted):
                    batch = batch._replace(weights=counted.weights(batch.weights))
                    return step(state, (batch.inputs, None, batch.weights), numbers)[1]

            state = jax.lax.fori_loop(0, count, take, state) if loops else take(0, state)
            if layout is not None:  # XLA might spread weights that the devices do not divide
                state = layout.lay_out(state)
            return logs_of(state[-1]), state

        # An accelerator would ask the host at each step whether to go on; a CPU is spared a second
        # program for the calls of fewer steps.
        static = (0,) if jax.default_backend() == "cpu" else (0, 4)
        return jax.jit(run, donate_argnums=1, static_argnums=static)

    def __call__(self, state: State, iterator: Iterator[Any]) -> tuple[Logs, State]:
        """Take the next batches; logs and state after them.

        Raises:
            StopIteration: if there is no batch left.
        """
        first = next(iterator)
        self._room_for(len(unpack_batch(first)[0]))
        batches = chain([first], islice(iterator, self._num_steps - 1))
        resident, sharding = self._examples(), batch_sharding()
        layout = None if sharding is None else Layout.of(sharding, state)
        if resident is not None:
            works = self._by_rows(resident, (np.asarray(unpack_batch(b)[0]) for b in batches))
        elif jax.process_count() > 1:
            works = (_of_all_processes(_examples_of(batch), sharding) for batch in batches)
        else:
            works = self._joined(map(_examples_of, batches))
        logs: Logs = {}
        for work in works:
            if self._filling is not None and work.counts is None:
                work = work._replace(counts=_all_of(work.examples, work.rows))
            if self._loops is None:
                self._choose(layout, state, *work)
            for single in [work] if self._loops else _single_steps(work):
                logs, state = self.program(layout, state, *single, self._numbers())
        return logs, state

    def _choose(self, *arguments: Any) -> None:
        """Loop over steps, but where XLA is slow at it; decided by the first work's arguments.

        On a CPU the gradients of convolutions take up to a hundred times longer within a loop.
        """
        self._loops = True
        if self._differentiates and jax.default_backend() == "cpu":
            traced = self.program.trace(*arguments, self._numbers())
            self._loops = "conv_general_dilated" not in str(traced.jaxpr)
        if not self._loops:
            self.program = self._compiled(loops=False)

    def _room_for(self, size: int) -> int:
        """Rows that a program for a batch of `size` has room for."""
        return size if self._filling is None else self._filling.room(size)

    def _work(self, examples: Examples, batches: list[NDArray[Any]], size: int, steps: int) -> Work:
        """Batches of row numbers as the work of a program for `steps` batches of `size` rows."""
        rows = np.zeros((steps, size), dtype="int32")
        counts = np.zeros((steps,), dtype="int32")
        for index, batch in enumerate(batches):
            counts[index] = len(batch)
            rows[index, : len(batch)] = batch
            rows[index, len(batch) :] = batch[-1:]
        return Work(examples, rows, len(batches), None if self._filling is None else counts)

    def _by_rows(self, examples: Examples, batches: Iterator[NDArray[Any]]) -> Iterator[Work]:
        for _, group in groupby(batches, lambda batch: self._room_for(len(batch))):
            several = list(group)
            size = self._room_for(len(several[0]))
            yield self._work(examples, several, size, self._room(size, len(several)))

    def _joined(self, batches: Iterator[Examples]) -> Iterator[Work]:
        pending: list[Examples] = []
        for batch in batches:
            form = self._form(batch)
            full = bool(pending) and len(pending) >= self._most(pending[0])
            if pending and (full or form != self._form(pending[0])):
                yield self._join(pending)
                pending = []
            if form is None:  # on a device already
                yield _one_step(batch)
            else:
                pending.append(batch)
        if pending:
            yield self._join(pending)

    def _join(self, batches: list[Examples]) -> Work:
        size, count = self._room_for(len(batches[0].inputs)), len(batches)
        steps = min(self._room(size, count), self._most(batches[0])) if count > 1 else 1
        inputs, weights = zip(*batches, strict=True)

        def joined(parts: tuple[NDArray[Any], ...]) -> NDArray[Any]:
            return _longer(np.concatenate(parts), steps * size)

        examples = Examples(joined(inputs), None if weights[0] is None else joined(weights))
        ends = np.cumsum([len(part) for part in inputs])
        numbers = np.split(np.arange(ends[-1], dtype="int32"), ends[:-1])
        return self._work(examples, numbers, size, steps)

    def _most(self, batch: Examples) -> int:
        """The most batches that are joined."""
        size = len(batch.inputs)
        whole = batch.inputs.nbytes * self._room_for(size) // max(1, size)
        return max(1, min(self._num_steps, JOINED_BYTES // max(1, whole)))

    def _form(self, batch: Examples) -> tuple[Any, ...] | None:
        """What batches that can be joined have in common; None where one lies on a device."""
        leaves = jax.tree.leaves(batch)
        if any(map(_is_placed, leaves)):
            return None
        size = self._room_for(len(batch.inputs))
        return size, *((values.shape[1:], values.dtype) for values in leaves)

    def _room(self, size: int, count: int) -> int:
        """Steps that a program for `count` batches of a size has room for.

        The fewer there are, the fewer programs are compiled: one for all but the last batch of an
        epoch, which may be a smaller one.
        """
        if count > 1 or size >= self._usual_size:
            self._usual_size = size
            return self._num_steps
        return 1


def _single_steps(work: Work) -> Iterator[Work]:
    """The same steps, each as a work of its own."""
    if work.rows is None:
        yield work
        return
    for step in range(work.num_steps):
        counts = None if work.counts is None else work.counts[step : step + 1]
        yield Work(work.examples, work.rows[step : step + 1], 1, counts)


def _examples_of(batch: Any) -> Examples:
    """The examples and weights of a batch; arrays in the memory of the host as NumPy's.

    Raises:
        ValueError: if the weights are not one an example.
    """
    found = Examples(*unpack_batch(batch))
    if found.weights is not None:
        check_weight_shape(len(found.inputs), np.shape(found.weights))
    on_host = jax.default_backend() == "cpu"
    return jax.tree.map(
        lambda values: np.asarray(values) if on_host or not _is_placed(values) else values, found
    )


def _is_placed(values: Any) -> bool:
    return isinstance(values, jax.Array)


def _longer(values: NDArray[Any], number: int) -> NDArray[Any]:
    """The array with repeats of its last row at its end, `number` rows in all."""
    if len(values) == number:
        return values
    return np.concatenate([values, np.repeat(values[-1:], number - len(values), axis=0)])


def _all_of(examples: Examples, rows: NDArray[np.int32] | None) -> NDArray[np.int32]:
    """That all rows of the steps count."""
    steps, size = (1, len(examples.inputs)) if rows is None else rows.shape
    return np.full((steps,), size, dtype="int32")


def _one_step(batch: Examples) -> Work:
    return Work(batch, None, 1)


def _rows_of(examples: Examples, rows: Tensor) -> Examples:
    """Some examples; their rows are known to be there."""
    return jax.tree.map(lambda values: values.at[rows].get(mode="promise_in_bounds"), examples)


def _of_all_processes(batch: Examples, sharding: NamedSharding | None) -> Work:
    """One step on the batches of all processes, which have the same number of rows.

    Rows that the process's devices do not divide are filled up on the way there.
    """
    size, devices = len(batch.inputs), jax.local_device_count()
    room = -(-size // devices) * devices

    def joined(part: NDArray[Any]) -> Tensor:
        filled = np.concatenate([part, np.repeat(part[:1], room - size, axis=0)])
        whole: Tensor = jax.make_array_from_process_local_data(sharding, filled)
        return whole

    rows = np.arange(jax.process_count() * room, dtype="int32").reshape(-1, room)[:, :size]
    return Work(jax.tree.map(joined, batch), rows.reshape(1, -1), 1)
