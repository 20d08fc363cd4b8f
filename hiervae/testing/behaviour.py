"""What parts of several kinds do when they are traced, called often, or given values far out."""

from __future__ import annotations

import gc
import types
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from hiervae import backend
from hiervae.testing.check import Array
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import numpy, tensor

DISTANCES = 2.0 ** np.arange(2, 10)
"""How far out the tails are looked at, in spreads of the draws."""

FALL = 0.1
"""The least that a log-density falls by, nats, where the distance doubles; Cauchy's by 1.4."""

CALLS = 4
LEAVES = (
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.CodeType,
    types.FrameType,
    type,
    str,
    bytes,
    int,
    float,
    np.ndarray,
    keras.Variable,
    keras.Model,
)


def check_traced(subject: Subject, what: str, function: Callable[..., Any], *arrays: Any) -> None:
    """Check that a function `(seed, *arrays)` of the part runs on tensors without values.

    That is what a compiled step does, on JAX and TensorFlow, and PyTorch's recorded one.

    Args:
        subject: the part under check.
        what: what the function does, for the message.
        function: called with a generator and tensors.
        *arrays: NumPy arrays or tensors.

    Raises:
        ConformanceError: of the check "traced".
    """
    fix = (
        f"Compute {what} with keras.ops alone, whose results depend on values only through "
        "keras.ops.where and the like: no `if`, float() or NumPy on a tensor."
    )
    with subject.check("traced", fix, fix_suits_exceptions=True):
        backend.trace(function, *(tensor(array) for array in arrays))


def check_memory(subject: Subject, call: Callable[[], Any], *parts: Any) -> None:
    """Check that the part holds no more after several calls than before them.

    Args:
        subject: the part under check.
        call: uses the part once.
        *parts: where it may keep what it should not; its class and module are looked at too.

    Raises:
        ConformanceError: of the check "memory".
    """
    fix = "Keep nothing of a call: no lists of tensors, no caches by tensors."
    with subject.check("memory", fix) as check:
        module = vars(__import__(subject.part_class.__module__, fromlist=["x"]))
        owned = [value for key, value in module.items() if not key.startswith("__")]
        roots = [*parts, *owned, *vars(subject.part_class).values()]
        for _ in range(CALLS):
            call()
        before = _count_reachable(roots)
        for _ in range(CALLS):
            call()
        grown = _count_reachable(roots) - before
        check.require(
            grown < CALLS,
            f"{grown} objects more that the part or its module holds after {CALLS} calls",
            "none",
        )


def _count_reachable(roots: list[Any]) -> int:
    """How many objects the roots hold; those of modules, classes and tensors are not followed."""
    seen: set[int] = set()
    waiting = [*roots]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if not isinstance(item, LEAVES) and not ops.is_tensor(item):
            waiting.extend(gc.get_referents(item))
    return len(seen)


def check_tails(
    subject: Subject,
    log_prob: Callable[[Array], Array],
    draws: Array,
    ends: tuple[float | None, float | None] = (None, None),
) -> None:
    """Check that the log-density goes on falling far out, in each direction without an end.

    Args:
        subject: the part under check.
        log_prob: from rows (m, d), float32, to log-densities (m,), nats.
        draws: rows (n, d) of what is distributed so.
        ends: lowest and highest value, None where there is no end.

    Raises:
        ConformanceError: of the check "tails".
    """
    low, center, high = np.quantile(draws.astype("float64"), (0.16, 0.5, 0.84), axis=0)
    scale = np.maximum((high - low) / 2.0, 1e-3 * (1.0 + np.abs(center)))
    if (draws == np.round(draws)).all():
        center, scale = np.round(center), np.maximum(np.round(scale), 1.0)
    fix = "Let log_prob() see values as they are; bound what is exponentiated, not the values."
    with subject.check("tails", fix) as check:
        for sign, end in ((-1.0, ends[0]), (1.0, ends[1])):
            if end is not None:
                continue
            rows = (center + sign * DISTANCES[:, None] * scale).astype("float32")
            for axis in range(rows.shape[1]):
                alone = np.tile(center, (len(rows), 1)).astype("float32")
                alone[:, axis] = rows[:, axis]
                values = log_prob(alone).astype("float64")
                with np.errstate(invalid="ignore"):
                    falls = (np.diff(values) <= -FALL) | (values[1:] == -np.inf)
                if falls.all():
                    continue
                first = int((~falls).argmax())
                check.require(
                    False,
                    f"log_prob = {values[first]:.6g} at {alone[first].tolist()} and "
                    f"{values[first + 1]:.6g} at {alone[first + 1].tolist()}",
                    "a log-density that falls further out",
                )


def copy_weights(source: Any, target: Any) -> None:
    """Give a part the weights of another of the same class and options."""
    for value, variable in zip(source.variables, target.variables, strict=True):
        if "float" in str(variable.dtype):
            variable.assign(numpy(value))
