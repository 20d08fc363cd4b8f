"""One named check of one part."""

from __future__ import annotations

import textwrap
from types import TracebackType
from typing import Any

import numpy as np

from hiervae.testing.conformance_error import ConformanceError

Array = np.ndarray[Any, Any]

LATE_STATE = "add new elements of state"
"""What Keras says when a layer that is built already is given a new weight or sub-layer."""


class Check:
    """A context in which every failure becomes a `ConformanceError` of one name.

    Args:
        part: what is checked, for the message.
        name: name of the check.
        fix: how a part that fails is usually mended.
    """

    def __init__(self, part: str, name: str, fix: str) -> None:
        self.part = part
        self.name = name
        self.fix = fix

    def __enter__(self) -> Check:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not isinstance(error, Exception) or isinstance(error, ConformanceError):
            return
        got = f"{type(error).__name__}: {textwrap.shorten(str(error), 400, placeholder=' ...')}"
        if LATE_STATE in str(error):
            raise late_state(self.part, got) from error
        raise ConformanceError(self.part, self.name, got, "no error", self.fix) from error

    def require(self, holds: Any, got: str, expected: str) -> None:
        """Fail with `got` and `expected` unless `holds`."""
        if not holds:
            raise ConformanceError(self.part, self.name, got, expected, self.fix)

    def require_array(self, what: str, value: Any, shape: tuple[int, ...]) -> Array:
        """`value`, a float32 tensor of this shape without NaN, as a NumPy array."""
        import keras

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
        worst = np.unravel_index(np.argmax(np.abs(got - expected)), got.shape)
        self.require(False, f"{what} = {got[worst]:.6g}", f"{expected[worst]:.6g}")


def late_state(part: str, got: str) -> ConformanceError:
    """The failure of a part that creates weights, layers or generators after it was built."""
    return ConformanceError(
        part,
        "state",
        got,
        "no new weights, layers or random generators after build()",
        "Create all of them in build().",
    )
