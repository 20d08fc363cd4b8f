"""One named check of one part."""

from __future__ import annotations

import textwrap
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Any

import numpy as np

from hiervae.testing.error import ConformanceError
from hiervae.testing.outcomes import collected

Array = np.ndarray[Any, Any]

LATE_STATE = "add new elements of state"
"""What Keras says when a layer that is built already is given a new weight or sub-layer."""


class Check:
    """A context in which every failure becomes a `ConformanceError` of one name.

    Args:
        part: what is checked, for the message.
        name: name of the check.
        fix: how a part that fails is usually mended.
        module: name of the module that defines the part.
        fix_suits_exceptions: whether `fix` is also for a part that raises an exception.
    """

    def __init__(
        self, part: str, name: str, fix: str, module: str, fix_suits_exceptions: bool = False
    ) -> None:
        self.part = part
        self.name = name
        self.fix = fix
        self.module = module
        self.fix_suits_exceptions = fix_suits_exceptions

    def __enter__(self) -> Check:
        outcomes = collected()
        if outcomes is not None:
            outcomes.begun.add(self.name)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        failure = self._failure(error, traceback)
        outcomes = collected()
        if failure is None:
            return False
        if outcomes is None:
            raise failure from error
        failure.__cause__ = None if failure is error else error
        outcomes.failures.append(failure)
        return True

    def _failure(
        self, error: BaseException | None, traceback: TracebackType | None
    ) -> ConformanceError | None:
        if isinstance(error, ConformanceError):
            # Without a collection it goes on its way as it is.
            return error if collected() is not None else None
        if not isinstance(error, Exception):
            return None
        fix = self.fix if self.fix_suits_exceptions else "That exception is the cause of this one."
        got = f"{type(error).__name__}: {textwrap.shorten(str(error), 400)}"
        if LATE_STATE in str(error):
            return late_state(self.part, got)
        got = f"{got} (raised in {_place(traceback, self.module)})"
        return ConformanceError(self.part, self.name, got, "no exception", fix)

    def require(self, holds: Any, got: str, expected: str) -> None:
        """Fail with `got` and `expected` unless `holds`."""
        if not holds:
            raise ConformanceError(self.part, self.name, got, expected, self.fix)

    def require_array(self, what: str, value: Any, shape: tuple[int, ...]) -> Array:
        """`value`, a float32 tensor of this shape without NaN, as a NumPy array."""
        import keras

        is_array = hasattr(value, "shape") and hasattr(value, "dtype")
        self.require(is_array, f"{what} = {value!r}", "a tensor")
        received = tuple(value.shape)
        self.require(received == shape, f"{what} of shape {received}", f"shape {shape}")
        dtype = keras.backend.standardize_dtype(value.dtype)
        self.require(dtype == "float32", f"{what} of type {dtype}", "float32")
        array = np.asarray(keras.ops.convert_to_numpy(value))
        self.require(not np.isnan(array).any(), f"NaN in {what}", "numbers")
        return array

    def require_close(
        self, what: str, got: Array, expected: Array, tolerance: float = 1e-4
    ) -> None:
        """Fail unless two arrays are equal up to a relative and absolute tolerance."""
        shapes = f"{what} of shapes {got.shape} and {expected.shape}"
        self.require(got.shape == expected.shape, shapes, "equal shapes")
        if not got.size or np.allclose(got, expected, rtol=tolerance, atol=tolerance):
            return
        with np.errstate(invalid="ignore"):  # of infinities that are equal
            gap = np.where(got == expected, 0.0, np.abs(got - expected))
        worst = np.unravel_index(np.argmax(gap), got.shape)
        self.require(False, f"{what} = {got[worst]:.6g}", f"{expected[worst]:.6g}")


def _place(traceback: TracebackType | None, module: str) -> str:
    """The innermost function of the part's own module in a traceback, or else of any."""
    frames = list(walk_tb(traceback))
    own = [entry for entry in frames if entry[0].f_globals.get("__name__") == module]
    frame, line = (own or frames)[-1]
    return f"{frame.f_code.co_qualname}(), {Path(frame.f_code.co_filename).name}:{line}"


def late_state(part: str, got: str) -> ConformanceError:
    """The failure of a part that creates weights, layers or generators after it was built."""
    return ConformanceError(
        part,
        "state",
        got,
        "no new weights, layers or random generators after build()",
        "Create all of them in build().",
    )
