"""The order of batches: a function of the seed and the epoch, whatever fetches them."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import count
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hiervae.utils.validation import check_bool

_DEFAULT_BATCH_SIZE = 32


class EpochClock(keras.callbacks.Callback):
    """Tells the sources of a `fit`, as its first callback, which epoch begins.

    Orders depend on the seed and on the training steps that the model had made when the epoch
    began. These are saved with the model, so that an epoch has the same order in one long `fit`, in
    several short ones, and after loading.

    Args:
        seed: of the orders.

    Attributes:
        seed: of the orders.
        epoch: the epoch that runs, from 0.
        step: training steps of the model's life when it began.
        finished: number of epochs that are over, those of an earlier process included.
        running: whether epochs run already; before, Keras may look at batches to build the model.
        resumed: whether the epochs before were those of an earlier process.
        begun_at: `step` of the next epoch, where an earlier process has begun it.
        listeners: called with the epoch when it begins.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed
        self.epoch = 0
        self.step = 0
        self.finished = 0
        self.running = False
        self.resumed = False
        self.begun_at: int | None = None
        self.listeners: list[Callable[[int], None]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the epoch, and tell those who listen."""
        self.epoch = self.finished = epoch
        if self.begun_at is not None:
            self.model.control.step.assign(self.begun_at)
            self.begun_at = None
        self.step = self.model.training_step
        self.running = True
        for listener in self.listeners:
            listener(epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Count the epoch, before any other callback of it."""
        self.finished = epoch + 1

    def order(self, number: int) -> NDArray[np.int64]:
        """The numbers below `number` in this epoch's order."""
        return np.random.default_rng((self.seed, self.step)).permutation(number)


class OrderedRows(keras.utils.PyDataset):
    """Shuffled batches of the rows of arrays.

    Args:
        arrays: one or more of n rows.
        batch_size: rows of a batch; the last one may be smaller.
        order: returns n numbers in the order of the epoch that begins.
    """

    def __init__(
        self,
        arrays: tuple[NDArray[Any], ...],
        batch_size: int,
        order: Callable[[int], NDArray[np.int64]],
    ) -> None:
        super().__init__()
        self._arrays = arrays
        self._batch_size = batch_size
        self._new_order = order
        self._order = np.empty(0, dtype=np.int64)

    @property
    def num_batches(self) -> int:
        """Number of batches in an epoch."""
        return math.ceil(len(self._arrays[0]) / self._batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], ...]:
        """Batch `index` of the epoch; 0 begins one."""
        if index == 0:
            self._order = self._new_order(len(self._arrays[0]))
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        return tuple(array[rows] for array in self._arrays)


class OrderedBatches(keras.utils.PyDataset):
    """A user's `PyDataset` whose batches are checked and come in the order of the epoch.

    It fetches ahead by the workers that the data set asks for, but never beyond an epoch, and no
    batch is read while `on_epoch_begin` or `on_epoch_end` of the data set runs. Keras' own workers
    begin an epoch before the data set is told, and keep what they fetched too much for the next.
    To Keras, this one has no workers.

    Args:
        dataset: the user's.
        check: called with each batch; returns what Keras is to be given.
    """

    def __init__(
        self, dataset: keras.utils.PyDataset, check: Callable[[Any], tuple[Any, ...]]
    ) -> None:
        super().__init__()
        self._dataset = dataset
        self._check = check
        self._clock: EpochClock | None = None
        self._shuffle = False
        self._order: NDArray[np.int64] | None = None
        self._ahead: _Ahead | None = None
        self._within = False
        self._told = False
        self._lock = threading.Lock()

    def follow(self, clock: EpochClock, shuffle: bool) -> None:
        """Be the source of a `fit`.

        The data set is told each epoch by `set_epoch`, if it has that. One without it is told of
        all the epochs that an earlier process trained, when it goes on with them.

        Args:
            clock: tells the epoch.
            shuffle: whether batches come in a new order in each epoch.
        """
        self._clock = clock
        self._shuffle = shuffle
        clock.listeners = [self._set_epoch]

    def _set_epoch(self, epoch: int) -> None:
        set_epoch = getattr(self._dataset, "set_epoch", None)
        if callable(set_epoch):
            set_epoch(epoch)
        elif self._clock is not None and self._clock.resumed and not self._told:
            for _ in range(epoch):
                self._dataset.on_epoch_begin()
                self._dataset.on_epoch_end()
        self._told = True

    @property
    def num_batches(self) -> int | None:
        """That of the data set; None if it is infinite."""
        number: int | None = self._dataset.num_batches
        return number

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Batch `index` of the pass over the data; 0 begins one."""
        with self._lock:
            if index == 0:
                self._begin_pass()
            if not self._within or self._num_workers == 0:
                return self._check(self._dataset[self._number(index)])
            if self._ahead is None or self._ahead.next_index != index:
                self._stop_fetching()
                self._ahead = self._fetching_from(index)
            return self._ahead.take()

    def on_epoch_begin(self) -> None:
        """Tell the data set, but not where Keras looks at a batch to build the model."""
        if self._clock is not None and not self._clock.running:
            return
        self._dataset.on_epoch_begin()
        self._within = True

    def on_epoch_end(self) -> None:
        """Tell the data set, once nothing is read any more; without an epoch do nothing."""
        if not self._within:
            return
        with self._lock:
            self._within = False
            self._stop_fetching()
        self._dataset.on_epoch_end()

    @property
    def _num_workers(self) -> int:
        """Number of workers beside the thread of the training; 0 for none."""
        number = int(self._dataset.workers)
        return number if number > 1 or self._dataset.use_multiprocessing else 0

    def _begin_pass(self) -> None:
        self._stop_fetching()
        number, self._order = self.num_batches, None
        if self._clock is not None and self._shuffle and number is not None:
            self._order = self._clock.order(number)

    def _number(self, index: int) -> int:
        return index if self._order is None else int(self._order[index])

    def _fetching_from(self, index: int) -> _Ahead:
        end = self.num_batches
        indices = count(index) if end is None else range(index, end)
        return _Ahead(self._dataset, self._check, map(self._number, indices), index)

    def _stop_fetching(self) -> None:
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None


class _Ahead:
    """Batches that workers fetch ahead, given in the order in which they are asked for.

    Args:
        dataset: the user's.
        check: called with each batch, in a thread of a worker, or here if workers are processes.
        numbers: of the batches of the data set.
        index: of the first one, in the order in which they are given.
    """

    def __init__(
        self,
        dataset: keras.utils.PyDataset,
        check: Callable[[Any], tuple[Any, ...]],
        numbers: Iterator[int],
        index: int,
    ) -> None:
        self.next_index = index
        self._numbers = numbers
        self._most = max(int(dataset.max_queue_size), int(dataset.workers))
        self._futures: deque[Future[Any]] = deque()
        self._executor: Executor
        if dataset.use_multiprocessing:
            self._fetch: Callable[[int], Any] = _fetch_in_process
            self._check = check
            self._executor = ProcessPoolExecutor(
                max(int(dataset.workers), 1), initializer=_receive, initargs=(dataset,)
            )
        else:
            self._fetch = lambda number: check(dataset[number])
            self._check = lambda batch: batch
            self._executor = ThreadPoolExecutor(int(dataset.workers), "hiervae batches")

    def take(self) -> tuple[Any, ...]:
        """The next batch; an error in a worker is raised here."""
        while len(self._futures) < self._most:
            number = next(self._numbers, None)
            if number is None:
                break
            self._futures.append(self._executor.submit(self._fetch, number))
        self.next_index += 1
        return self._check(self._futures.popleft().result())

    def close(self) -> None:
        """Wait until no worker reads any more."""
        self._executor.shutdown(wait=True, cancel_futures=True)


_received: keras.utils.PyDataset | None = None


def _receive(dataset: keras.utils.PyDataset) -> None:
    """Keep the data set, in a process of a worker."""
    global _received
    _received = dataset


def _fetch_in_process(number: int) -> Any:
    """Batch `number` of the data set that the process was given."""
    if _received is None:
        raise RuntimeError("A worker was asked for a batch before it was given the data set.")
    return _received[number]


def in_order(
    x: Any, y: Any, weights: Any, batch_size: int | None, steps: int | None, clock: EpochClock
) -> tuple[Any, bool]:
    """Return a source of shuffled batches for Keras, and whether Keras is to shuffle it.

    Args:
        x: an array of n rows, or a checked source.
        y: targets of n rows, or None.
        weights: sample weights of n rows, or None.
        batch_size: rows of a batch; None for as many as make `steps` batches, or 32.
        steps: the steps of an epoch that the user asked for, or None.
        clock: tells the order.
    """
    if isinstance(x, OrderedBatches):
        x.follow(clock, shuffle=True)
        return x, False
    if not isinstance(x, np.ndarray):
        return x, True
    arrays = tuple(array for array in (x, y, weights) if array is not None)
    if batch_size is None:
        batch_size = math.ceil(len(x) / steps) if steps else _DEFAULT_BATCH_SIZE
    if keras.backend.backend() == "tensorflow":
        from hiervae.backend.tensorflow_rows import ordered_rows

        return ordered_rows(arrays, batch_size, clock.order), False
    rows = OrderedRows(arrays, batch_size, clock.order)
    if keras.backend.backend() == "torch":
        from hiervae.backend.torch_rows import Batches

        return Batches(rows), False
    return rows, False


def check_shuffle(shuffle: Any) -> bool | str:
    """Return how `fit` is to order examples: a bool, or "batch" for whole batches, by Keras.

    Raises:
        ValueError: if it is neither.
    """
    if isinstance(shuffle, str) and shuffle == "batch":
        return shuffle
    try:
        return check_bool("shuffle", shuffle)
    except ValueError as error:
        raise ValueError(f'{str(error).rstrip(".")}, or "batch".') from error


def num_ordered(
    x: Any, batch_size: int | None, steps: int | None, shuffle: bool | str
) -> int | None:
    """Return the number of batches of an epoch, if their order follows from seed and epoch alone.

    Args:
        x: an array of n rows, or a checked source.
        batch_size: rows of a batch, None for 32.
        steps: the steps of an epoch that the user asked for, or None.
        shuffle: as in `fit`.

    Returns:
        The number; None where a later process may see other batches, or an epoch is not one pass.
    """
    if steps is not None:
        return None
    if isinstance(x, OrderedBatches):
        return x.num_batches
    if isinstance(x, np.ndarray) and isinstance(shuffle, bool):
        return math.ceil(len(x) / (batch_size or _DEFAULT_BATCH_SIZE))
    return None


def split(parts: tuple[Any, Any, Any], share: float) -> tuple[tuple[Any, Any, Any], Any]:
    """The parts of training data that Keras would train on, and what it would validate on."""
    number = math.floor(len(parts[0]) * (1.0 - share))

    def rows(chosen: slice) -> tuple[Any, Any, Any]:
        x, y, weights = (None if part is None else part[chosen] for part in parts)
        return x, y, weights

    validation = keras.utils.pack_x_y_sample_weight(*rows(slice(number, None)))
    return rows(slice(None, number)), validation
