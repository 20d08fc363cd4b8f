"""Data sets, loaders and generators, whose batches are checked as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

import keras
import numpy as np

from hiervae.errors import DataError
from hiervae.model.batch_order import OrderedBatches
from hiervae.model.inputs import Expected, check_array
from hiervae.model.iterators import CheckedIterator
from hiervae.types import Shape
from hiervae.utils.arrays import as_array, check_layout, check_numbers, require_array, unpacked
from hiervae.utils.batching import Array
from hiervae.utils.cores import num_cores

_OTHER_LAYOUTS = {
    "SparseTensorSpec": ("sparse", "tf.sparse.to_dense"),
    "RaggedTensorSpec": ("ragged", "lambda x: x.to_tensor(shape=(None, *event_shape))"),
}
_READ_AHEAD = 20
"""Batches of a `MapDataset` that are read before the step asks for them."""

Notify = Callable[[str, str], None]


@dataclass
class BatchCheck:
    """What is asked of every batch of a source.

    The values of NumPy arrays are looked at in every batch, those of tensors, which may have to be
    fetched from a device, in the first.

    Attributes:
        name: how to call the source in an error.
        expected: what the model takes.
        notify: called with the kind of a misuse and what to say of it; None says nothing.
        tensors_only: whether Keras takes nothing but PyTorch's tensors from this source.
    """

    name: str
    expected: Expected
    notify: Notify | None = None
    tensors_only: bool = False
    looked: bool = False

    def __call__(self, batch: Any) -> tuple[Any, ...]:
        """Return a batch as (x,) or (x, y, sample_weight); the targets stand in for others.

        Raises:
            DataError: if its examples are not one array that the model can take.
        """
        name = f"A batch of {self.name}"
        inputs, targets, weights = unpacked(batch, name)
        inputs = self._inputs(name, inputs)
        first, self.looked = not self.looked, True
        if first or isinstance(inputs, np.ndarray):
            values = _counted(require_array(inputs, name), weights)
            notify = self.notify if first else None
            if notify is not None and targets is not None and weights is None:
                notify("targets", f"{self.name} yields targets")
            if len(values):
                self._look(name, values, notify)
        if weights is None:
            return (inputs,)
        if not self.tensors_only:
            targets = np.zeros(len(inputs), "uint8")
            if not keras.ops.is_tensor(weights):
                weights = require_array(weights, f"The sample weights of {self.name}")
        return inputs, targets, weights

    def _look(self, name: str, inputs: Array, notify: Notify | None) -> None:
        values = check_array(name, inputs, self.expected.event_shape)
        self.expected.check_values(name, values)
        advice = None if notify is None else self.expected.scale_advice(name, values)
        if notify is not None and advice is not None:
            notify("scale", advice)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to the process of the model; workers look at the form alone."""
        shape_alone = Expected(self.expected.event_shape, None)
        return {**vars(self), "expected": shape_alone, "notify": None, "looked": True}

    def _inputs(self, name: str, inputs: Any) -> Any:
        """The examples, tensors as they are and anything else as an array."""
        check_layout(inputs, name)
        if self.tensors_only and not hasattr(inputs, "cpu"):
            require_array(inputs, name)
            raise DataError(
                f"{name} holds a {type(inputs).__name__}; expected a tensor of PyTorch, as the "
                "default `collate_fn` of a DataLoader makes them."
            )
        if hasattr(inputs, "detach"):
            inputs = inputs.detach()  # a tensor of PyTorch, which may have gradients
        elif not keras.ops.is_tensor(inputs):
            inputs = require_array(inputs, name)
            check_numbers(inputs, name)
        check_shape(name, tuple(inputs.shape), self.expected.event_shape)
        return inputs


class CheckedLoader:
    """Stands for a `DataLoader` of PyTorch, and is an instance of its class; checks its batches."""

    def __init__(self, loader: Any, check: BatchCheck) -> None:
        self._loader = loader
        self._check = check

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        """The class of the loader, by which Keras knows it."""
        return type(self._loader)

    def __getattr__(self, name: str) -> Any:
        """What the loader has, such as its batch size."""
        return getattr(self._loader, name)

    def __len__(self) -> int:
        """Number of batches."""
        return len(self._loader)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the loader's batches, checked."""
        return map(self._check, self._loader)


class _IterDataset(Protocol):
    """An `IterDataset` of grain."""

    def map(self, transform: object) -> _IterDataset: ...


class _MapDataset(Protocol):
    """A `MapDataset` of grain."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> object: ...

    def to_iter_dataset(self, read_options: object) -> _IterDataset: ...


class ReadByNumber:
    """Stands for a `MapDataset` of grain, and is an instance of its class; reads few batches ahead.

    Keras looks at the first two batches in every `fit`, before it reads from what `map` returns; on
    PyTorch it reads all from here. Grain's own iterator starts 16 threads, which take turns with
    the step on a machine of few cores, and reads 500 batches ahead, which may be more than memory
    holds.
    """

    def __init__(self, dataset: _MapDataset) -> None:
        self._dataset = dataset

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        """The class of the data set, by which Keras knows it."""
        return type(self._dataset)

    def __getattr__(self, name: str) -> object:
        """What the data set has, such as its length."""
        return getattr(self._dataset, name)

    def __iter__(self) -> Iterator[object]:
        """Yield the batches that are there, read when asked for; a filter leaves gaps."""
        batches = map(self._dataset.__getitem__, range(len(self._dataset)))
        return (batch for batch in batches if batch is not None)

    def map(self, transform: object) -> _IterDataset:
        """Return an `IterDataset` of the transformed batches; a quarter of the cores read ahead."""
        from grain import ReadOptions

        threads = min(num_cores() // 4, 16)
        options = ReadOptions(threads, prefetch_buffer_size=_READ_AHEAD if threads else 0)
        return self._dataset.to_iter_dataset(options).map(transform)


def checked_source(x: Any, check: BatchCheck) -> tuple[Any, Shape | None]:
    """Return a source of batches that Keras can read, and what it tells of the examples' shape.

    Args:
        x: a `tf.data.Dataset`, `keras.utils.PyDataset`, `DataLoader` of PyTorch, data set or loader
            of grain, or an iterator such as a generator.
        check: what is asked of the batches.

    Returns:
        The source, and the shape of an example where the model is not built and a batch was looked
        at already, else None.

    Raises:
        DataError: if it is no such thing, or is known to yield what the model cannot take.
    """
    if isinstance(x, keras.utils.PyDataset):
        batches = OrderedBatches(x, check)
        known = check.expected.event_shape is not None
        return batches, None if known else tuple(batches[0][0].shape[1:])
    if _is_of(x, "tensorflow.python", "DatasetV2"):
        return _checked_tf_data(x, check)
    if _is_of(x, "torch.utils.data", "DataLoader"):
        check.tensors_only = keras.backend.backend() != "torch"
        if not check.tensors_only and _is_of(x.sampler, "torch.utils.data", "DistributedSampler"):
            raise DataError(
                f"{check.name} is a DataLoader with a DistributedSampler; expected one of whole "
                "batches, of which each process takes its own rows. Leave the sampler out, and "
                "shuffle with the same seed in every process."
            )
        return CheckedLoader(x, check), None
    if isinstance(x, Iterator):
        return CheckedIterator(x, check), None
    if _is_of(x, "grain", "MapDataset"):
        return ReadByNumber(x.map(check)), None
    if _is_of(x, "grain", "IterDataset"):
        return x.map(check), None
    if _is_of(x, "grain", "DataLoader"):
        return _looked_at(x, check)
    if _is_of(x, "tensorflow.python", "DistributedDataset") or _is_of(
        x, "tensorflow.python", "DistributedDatasetsFromFunction"
    ):
        return x, None
    mend = ""
    if isinstance(getattr(x, "train", None), np.ndarray):
        mend = f" Give one of its arrays, such as `{check.name}.train`."
    raise DataError(
        f"{check.name} is a {type(x).__name__}; expected an array of examples, (n, *event_shape), "
        "or a generator, tf.data.Dataset, keras.utils.PyDataset or PyTorch DataLoader of batches."
        + mend
    )


def check_shape(name: str, shape: tuple[int | None, ...], event_shape: Shape | None) -> None:
    """Refuse batches that hold no examples of the model's shape.

    Args:
        name: how to call the batch in an error.
        shape: (batch, *event_shape), None for a size that is not known yet.
        event_shape: the model's, where it is built already.

    Raises:
        DataError: if they do.
    """
    if len(shape) < 2 or 0 in shape:
        raise DataError(
            f"{name} has the shape {shape}; expected (batch, *event_shape) with at least one "
            "example and one value. Batch single examples first, and give n single numbers as "
            "(n, 1)."
        )
    if event_shape is None:
        return
    known = tuple(size or wanted for size, wanted in zip(shape[1:], event_shape, strict=False))
    if len(shape) != len(event_shape) + 1 or known != event_shape:
        raise DataError(
            f"{name} holds examples of shape {shape[1:]}; the model was built for {event_shape}. "
            "Reshape the data, or build a new model."
        )


def take_examples(data: Any, num: int) -> Array:
    """Return at least `num` examples of a data set, as far as it has them, from its first batches.

    Args:
        data: an array, which is returned whole, or a checked source of batches.
        num: how many are wanted.

    Raises:
        DataError: if `data` can be read only once.
    """
    if isinstance(data, np.ndarray):
        return data
    if isinstance(data, keras.utils.PyDataset):
        indices = count() if data.num_batches is None else range(data.num_batches)
        batches: Any = (data[index] for index in indices)
    elif isinstance(data, Iterator):
        raise DataError(
            "A part of the model is initialised from training examples, and a "
            f"{type(data).__name__} gives them only once; expected an array, or a data set that "
            "can be read again. Call `model.adapt(examples)` first."
        )
    else:
        batches = iter(data)
    taken: list[Array] = []
    while sum(map(len, taken)) < num and (batch := next(batches, None)) is not None:
        taken.append(require_array(unpacked(batch, "A batch")[0], "A batch"))
    if not taken:
        raise DataError("The training data has no batches; expected at least one.")
    return np.concatenate(taken)


def _checked_tf_data(dataset: Any, check: BatchCheck) -> tuple[Any, Shape | None]:
    """A `tf.data.Dataset` of the examples and weights alone, judged by what it says of itself."""
    name = f"A batch of {check.name}"
    spec, targets, weights = unpacked(dataset.element_spec, name)
    kind = type(spec).__name__
    if isinstance(spec, (dict, list, tuple)):
        raise DataError(
            f"{name} holds a {kind} of inputs; expected one array of examples, (batch, "
            f"*event_shape). Choose it by `{check.name}.map`."
        )
    if kind in _OTHER_LAYOUTS:
        layout, mend = _OTHER_LAYOUTS[kind]
        raise DataError(
            f"{name} is {layout}; expected dense examples of one shape. Make them so by "
            f"`{check.name}.map({mend})`."
        )
    dtype = getattr(spec, "dtype", None)
    if dtype is not None and not (dtype.is_floating or dtype.is_integer or dtype.is_bool):
        raise DataError(
            f"{name} has the type {dtype.name}; expected real numbers. Decode or convert the "
            f"examples first, by `{check.name}.map`."
        )
    if targets is not None and weights is None:
        if check.notify is not None:
            check.notify("targets", f"{check.name} yields targets")
        dataset = dataset.map(_examples_alone)
    if keras.backend.backend() != "tensorflow":
        from hiervae.backend.tensorflow_rows import untuned

        dataset = untuned(dataset)
    return _looked_at(dataset, check)


def _looked_at(source: Any, check: BatchCheck) -> tuple[Any, Shape]:
    """A source that can be read again, whose first batch alone is checked, and the shape it has."""
    for batch in source:
        (inputs, *_) = check(_plain(batch))
        return source, tuple(inputs.shape[1:])
    raise DataError(f"{check.name} has no batches; expected at least one.")


def _counted(inputs: Array, weights: Any) -> Array:
    """The examples whose weight is not 0; others have no influence, whatever their values are."""
    if not isinstance(weights, np.ndarray) or weights.shape not in {
        (len(inputs),),
        (len(inputs), 1),
    }:
        return inputs
    return inputs[weights.reshape(-1) != 0]


def _plain(batch: Any) -> Any:
    """A batch with its examples as an array, whatever library made it."""
    inputs, targets, weights = unpacked(batch, "A batch")
    return as_array(inputs, "A batch"), targets, weights


def _examples_alone(inputs: Any, targets: Any) -> tuple[Any]:
    return (inputs,)


def _is_of(x: Any, module: str, name: str) -> bool:
    """Whether a class of `x` has this name in this package; told so to import no package."""
    return any(
        parent.__name__ == name and parent.__module__.startswith(module)
        for parent in type(x).__mro__
    )
