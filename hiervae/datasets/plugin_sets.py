"""What is asked of the data sets of plugins: their loader, its facts, and what it returns."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.dataset import BINARISATIONS, Dataset, DatasetInfo, RemoteFile
from hiervae.datasets.store import FileStore
from hiervae.errors import BrokenPluginError, DataError, HiervaeError, IncompatiblePluginError
from hiervae.registry.explanations import reason, received, shortened
from hiervae.utils.arrays import check_layout, check_numbers, first_position, to_float32

_SPLITS = ("train", "valid", "test")
_MEND = "Mend the plugin, or install a version of it that is mended."
_SLACK = 1e-5
"""What rounding may add to a bound of the values, relative to it."""


def check_loader(what: str, load: Callable[..., Any]) -> None:
    """Refuse what cannot be called as loaders are: with a `FileStore`, options by keyword.

    Args:
        what: the data set with its origin, for messages.
        load: what the entry point names.

    Raises:
        IncompatiblePluginError: if it takes other arguments.
    """
    try:
        signature = inspect.signature(load)
        kinds = signature.parameters.values()
        options = [each.name for each in kinds if each.kind is inspect.Parameter.KEYWORD_ONLY]
        signature.bind(None, **dict.fromkeys(options))
    except (TypeError, ValueError) as error:
        raise IncompatiblePluginError(
            f"{what} has a loader that takes other arguments ({error}). Expected a function "
            f"load(store, *, ...) with its options by keyword. {_MEND}"
        ) from error


def check_info(where: str, info: object) -> None:
    """Refuse facts that the package cannot work with.

    Args:
        where: whose facts they are, with the origin, for messages.
        info: the facts.

    Raises:
        IncompatiblePluginError: if they are no `DatasetInfo`, or one of them is of a wrong form.
    """
    if not isinstance(info, DatasetInfo):
        raise IncompatiblePluginError(
            f"{where} is {received(info)}. Expected a hiervae.datasets.DatasetInfo. {_MEND}"
        )
    for name, (is_right, expected) in _FACTS.items():
        value = getattr(info, name)
        if not is_right(value):
            raise IncompatiblePluginError(
                f"{where} has {name}={received(value)}. Expected {expected}. {_MEND}"
            )


def read(
    what: str, load: Callable[..., Any], store: FileStore, options: Mapping[str, Any]
) -> Dataset:
    """Return what a plugin's loader returns, once it was found to be a sound data set.

    Args:
        what: the data set with its origin, for messages.
        load: the loader.
        store: finds the files of the set.
        options: all options of the loader.

    Returns:
        The data set; its facts tell the numbers of examples that there are.

    Raises:
        HiervaeError: as the loader raises them.
        OSError: as the loader raises them, such as of a missing file; so a MemoryError.
        DataError: if the loader raises another ValueError, or the examples cannot be used.
        BrokenPluginError: if it raises anything else.
        IncompatiblePluginError: if it returns no `Dataset`, or one with facts of a wrong form.
    """
    try:
        dataset = load(store, **options)
    except (HiervaeError, MemoryError):
        raise
    except OSError as error:
        error.add_note(f"While loading: {what}.")
        raise
    except ValueError as error:
        raise DataError(
            f"{what} cannot be loaded {_with(options)}: {reason(error)}. Expected options and "
            "files that its loader takes. Correct the one that is named, or, if none is, mend the "
            "plugin's loader."
        ) from error
    except Exception as error:
        raise BrokenPluginError(
            f"{what} cannot be loaded {_with(options)}: {reason(error)}. Expected a "
            f"hiervae.datasets.Dataset. {_MEND}"
        ) from error
    if not isinstance(dataset, Dataset):
        raise IncompatiblePluginError(
            f"{what} is {received(dataset)}. Expected its loader to return a "
            f"hiervae.datasets.Dataset. {_MEND}"
        )
    check_info(f"{what}: the info of what its loader returned", dataset.info)
    with _naming(f"{what} cannot be used, as loaded {_with(options)}"):
        sizes = {
            split: _check_split(
                split,
                getattr(dataset, split),
                getattr(dataset, f"{split}_labels"),
                dataset.info,
            )
            for split in _SPLITS
        }
    return replace(dataset, info=replace(dataset.info, sizes={**dataset.info.sizes, **sizes}))


@contextmanager
def _naming(where: str) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise DataError(f"{where}: {error} {_MEND}") from error


def _with(options: Mapping[str, Any]) -> str:
    given = ", ".join(f"{name}={value!r}" for name, value in options.items())
    return f"with {shortened(given)}" if given else "without options"


def _check_split(split: str, examples: object, labels: object, info: DatasetInfo) -> int:
    """Refuse a split that cannot be used; returns its number of examples."""
    if isinstance(examples, np.ndarray):
        check_layout(examples, split)
        shape: tuple[int, ...] = examples.shape
    else:
        shape = _lazy_shape(split, examples)
    number = shape[0] if shape else 0
    if not number and split == "train":
        raise DataError(
            f"train has the shape {shape}; expected at least one example to train on, "
            f"(n, {', '.join(map(str, info.event_shape))})."
        )
    if number:
        if shape[1:] != tuple(info.event_shape):
            raise DataError(
                f"{split} holds examples of shape {shape[1:]}; expected "
                f"{tuple(info.event_shape)}, the event_shape of its info, in every split. Where "
                "options change the shape, return "
                "`dataclasses.replace(store.info, event_shape=...)`."
            )
        if isinstance(examples, np.ndarray):
            _check_values(split, examples, info)
    if labels is not None:
        _check_labels(f"{split}_labels", labels, number)
    return number


def _lazy_shape(split: str, examples: object) -> tuple[int, ...]:
    """The shape of examples that are read when they are asked for.

    Raises:
        DataError: if they are none.
    """
    shape = getattr(examples, "shape", None)
    sizes = isinstance(shape, (tuple, list)) and all(_is_count(size) for size in shape)
    if not (sizes and shape and callable(getattr(examples, "read", None))):
        raise DataError(
            f"{split} is {received(examples)}; expected a NumPy array of real numbers, "
            "(n, *event_shape), n = 0 for a split without examples, or an object whose `read` "
            "gives the rows of such a `shape`. Convert it with `numpy.asarray`."
        )
    return tuple(map(int, shape))


def _check_values(split: str, examples: NDArray[Any], info: DatasetInfo) -> None:
    check_numbers(examples, split)
    # Two numbers tell it without a copy, which might not fit where a file is mapped into memory.
    with np.errstate(invalid="ignore"):
        least, greatest = float(examples.min()), float(examples.max())
    if not max(abs(least), abs(greatest)) <= np.finfo(np.float32).max:
        to_float32(examples, split)  # which says where
    low, high = info.value_range
    below = low is not None and least < low - _SLACK * max(1.0, abs(low))
    above = high is not None and greatest > high + _SLACK * max(1.0, abs(high))
    if below or above:
        raise DataError(
            f"{split} has values from {least:g} to {greatest:g}; expected them inside "
            f"{tuple(info.value_range)}, the value_range of its info. Scale them, or state their "
            "range."
        )


def _check_labels(name: str, labels: object, number: int) -> None:
    try:
        values = np.asarray(labels)
    except Exception as error:  # a tensor on a device, rows of several lengths
        raise DataError(
            f"{name} is {received(labels)}, of which no array can be made ({reason(error)}); "
            f"expected a NumPy array with one row for each of the {number} examples, or None."
        ) from error
    if values.shape[:1] != (number,):
        raise DataError(
            f"{name} has the shape {values.shape}; expected one row for each of the {number} "
            "examples, or None."
        )
    if values.ndim == 1 and values.dtype.kind == "f" and not np.isfinite(values).all():
        index = first_position(~np.isfinite(values))
        raise DataError(
            f"{name} holds {values[index]} at position {index}; expected finite numbers. Leave "
            "the labels out, or fill in what is missing."
        )


def _is_count(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, numbers.Integral) and int(value) >= 0


def _is_shape(value: object) -> bool:
    sizes = value if isinstance(value, (tuple, list)) else ()
    return len(sizes) > 0 and all(_is_count(size) and size > 0 for size in sizes)


def _is_range(value: object) -> bool:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        return False
    bounds = [bound for bound in value if bound is not None]
    for bound in bounds:
        if not isinstance(bound, numbers.Real) or not math.isfinite(bound):
            return False
    return len(bounds) < 2 or bounds[0] < bounds[1]


def _are_texts(value: object) -> bool:
    return isinstance(value, (tuple, list)) and all(isinstance(each, str) for each in value)


def _are_files(value: object) -> bool:
    return isinstance(value, (tuple, list)) and all(
        isinstance(file, RemoteFile)
        and isinstance(file.name, str)
        and _are_texts(file.urls)
        and _are_texts(file.alternatives)
        for file in value
    )


def _are_sizes(value: object) -> bool:
    return isinstance(value, Mapping) and all(_is_count(size) for size in value.values())


_FACTS: dict[str, tuple[Callable[[object], bool], str]] = {
    "event_shape": (_is_shape, "the shape of one example, such as (784,)"),
    "value_range": (
        _is_range,
        "the lowest and the highest value, None where there is none, such as (0.0, None)",
    ),
    "likelihood": (
        lambda value: isinstance(value, str) and bool(value),
        'the name of a likelihood, such as "gaussian"',
    ),
    "binarisation": (
        lambda value: isinstance(value, str) and value in BINARISATIONS,
        f"one of {', '.join(map(repr, BINARISATIONS))}",
    ),
    "sizes": (_are_sizes, 'the number of examples of each split, such as {"train": 1000}'),
    "files": (
        _are_files,
        "a tuple of hiervae.datasets.RemoteFile, urls and alternatives of each tuples of strings",
    ),
    "folders": (_are_texts, "a tuple of strings"),
    "labels": (
        lambda value: value is None or isinstance(value, str),
        "what the labels mean, as a string, or None",
    ),
    "checksums": (lambda value: isinstance(value, Mapping), "a dict of the files' SHA-256"),
}
"""What is asked of each fact that the package computes with, and how to say so."""
