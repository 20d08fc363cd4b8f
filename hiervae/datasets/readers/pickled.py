"""Reader of pickled NumPy arrays that calls nothing a pickle names.

Two published sets are pickles. A pickle is a program that can call any function; here only the
instructions that build plain values are obeyed, the few names that NumPy's arrays need stand for
recorders, and every other name is refused. The arrays are then made from the recorded shapes,
types and bytes.
"""

from __future__ import annotations

import io
import math
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.errors import DamagedFileError

MAX_PICKLE_BYTES = 2**30
_MAX_DIMENSIONS = 8
_PLAIN_INSTRUCTIONS = """
PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG
LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8
UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 TUPLE EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 LIST
EMPTY_LIST APPEND APPENDS DICT EMPTY_DICT SETITEM SETITEMS GET BINGET LONG_BINGET PUT BINPUT
LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL REDUCE
"""


def read_pickled_arrays(data: bytes, where: str) -> Any:
    """Reads lists, tuples and dictionaries of numbers and NumPy arrays.

    Args:
        data: the pickle, of any protocol; strings of Python 2 are read as Latin-1.
        where: the file's name for messages.

    Returns:
        The nested value: dictionaries, lists (for tuples too), numbers, strings and arrays.

    Raises:
        DamagedFileError: if the pickle is damaged, too large, or asks for anything but arrays.
    """
    if len(data) > MAX_PICKLE_BYTES:
        raise DamagedFileError(f"{where} has {len(data)} bytes; the limit is {MAX_PICKLE_BYTES}.")
    try:
        recorded = _Reader(io.BytesIO(data), encoding="latin1").load()
        return _Restorer(max_values=len(data)).restore(recorded)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise DamagedFileError(f"{where} is no pickle of plain arrays ({reason}).") from error


class _RecordedType:
    """Stands for `numpy.dtype` in a pickle."""

    def __init__(self, code: str, *_: object) -> None:
        self._code = code
        self._order: Any = "="

    def record(self, state: tuple[Any, ...]) -> None:
        self._order = state[1]

    def restore(self) -> np.dtype[Any]:
        dtype = np.dtype(str(self._code))
        if self._order in ("<", ">"):
            dtype = dtype.newbyteorder(self._order)
        if dtype.kind not in "biuf":
            raise pickle.UnpicklingError(f"arrays of {dtype} are refused")
        return dtype


class _RecordedArray:
    """Stands for `numpy.ndarray` in a pickle."""

    def __init__(self, *_: object) -> None:
        self._state: tuple[Any, ...] = ()

    def record(self, state: tuple[Any, ...]) -> None:
        self._state = state

    def restore(self) -> NDArray[Any]:
        _, shape, recorded_type, fortran_order, text = self._state
        dtype, data = recorded_type.restore(), _to_bytes(text)
        if len(shape) > _MAX_DIMENSIONS or any(length < 0 for length in shape):
            raise pickle.UnpicklingError(f"the shape {shape} is not possible")
        if math.prod(shape) * dtype.itemsize != len(data):
            raise pickle.UnpicklingError(f"{len(data)} bytes are no array of {shape} {dtype}")
        return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C")


def _read_scalar(recorded_type: _RecordedType, text: str | bytes) -> Any:
    dtype, data = recorded_type.restore(), _to_bytes(text)
    if len(data) != dtype.itemsize:
        raise pickle.UnpicklingError(f"{len(data)} bytes are no scalar {dtype}")
    return np.frombuffer(data, dtype)[0]


def _to_bytes(text: str | bytes, *_: object) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else bytes(text)


_NAMES = {
    "numpy.ndarray": _RecordedArray,
    "numpy.dtype": _RecordedType,
    "numpy.core.multiarray._reconstruct": _RecordedArray,
    "numpy._core.multiarray._reconstruct": _RecordedArray,
    "numpy.core.multiarray.scalar": _read_scalar,
    "numpy._core.multiarray.scalar": _read_scalar,
    "_codecs.encode": _to_bytes,
}


def _build(reader: Any) -> None:
    state = reader.stack.pop()
    target = reader.stack[-1]
    if not isinstance(target, _RecordedArray | _RecordedType):
        raise pickle.UnpicklingError(f"it changes a {type(target).__name__}")
    target.record(state)


class _Instructions(dict[int, Any]):
    def __missing__(self, code: int) -> Any:
        raise pickle.UnpicklingError(f"the instruction {code:#x} is refused")


class _Reader(pickle._Unpickler):
    """The unpickler written in Python: the C one allocates whatever a damaged memo index asks."""

    dispatch = _Instructions(
        (getattr(pickle, name)[0], pickle._Unpickler.dispatch[getattr(pickle, name)[0]])
        for name in _PLAIN_INSTRUCTIONS.split()
    )
    dispatch[pickle.BUILD[0]] = _build

    def find_class(self, module: str, name: str) -> Any:
        full_name = f"{module}.{name}"
        if full_name not in _NAMES:
            raise pickle.UnpicklingError(f"it asks for {full_name}, which is refused")
        return _NAMES[full_name]


class _Restorer:
    """Turns recorded values into arrays; a value that contains itself exhausts `max_values`."""

    def __init__(self, max_values: int) -> None:
        self._remaining = max_values

    def restore(self, value: Any) -> Any:
        self._remaining -= 1
        if self._remaining < 0:
            raise pickle.UnpicklingError("it refers to the same values too often")
        if isinstance(value, _RecordedArray):
            return value.restore()
        if isinstance(value, dict):
            return {str(key): self.restore(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.restore(item) for item in value]
        if value is None or isinstance(value, str | bytes | int | float | np.generic):
            return value
        raise pickle.UnpicklingError(f"it holds a {type(value).__name__}")
