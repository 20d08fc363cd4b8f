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
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.errors import DamagedFileError

MAX_PICKLE_BYTES = 2**30
_MAX_DIMENSIONS = 8
_MAX_TYPE_CODE = 8
_PLAIN_INSTRUCTIONS = """
PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG
LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8
UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 TUPLE EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 LIST
EMPTY_LIST APPEND APPENDS EMPTY_DICT GET BINGET LONG_BINGET PUT BINPUT
LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL REDUCE
"""


def read_pickled_arrays(data: bytes, where: str) -> Any:
    """Read lists, tuples and dictionaries of numbers and NumPy arrays.

    Args:
        data: the pickle, of any protocol; strings of Python 2 are read as Latin-1.
        where: the file's name for messages.

    Returns:
        The nested value: dictionaries, lists (for tuples too), numbers, strings and arrays.

    Raises:
        DamagedFileError: if the pickle is damaged, too large, would become much larger than it
            is, or asks for anything but arrays.
    """
    if len(data) > MAX_PICKLE_BYTES:
        raise DamagedFileError(f"{where} has {len(data)} bytes; the limit is {MAX_PICKLE_BYTES}.")
    try:
        recorded = _Reader(io.BytesIO(data), encoding="latin1").load()
        return _Restorer(budget=len(data)).restore(recorded)
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
        if len(self._code) > _MAX_TYPE_CODE:
            raise pickle.UnpicklingError("the name of a type is too long")
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

    def restore(self, to_bytes: Callable[[Any], bytes]) -> NDArray[Any]:
        _, shape, recorded_type, fortran_order, text = self._state
        dtype, data = recorded_type.restore(), to_bytes(text)
        if len(shape) > _MAX_DIMENSIONS or any(length < 0 for length in shape):
            raise pickle.UnpicklingError(f"the shape {shape} is not possible")
        if math.prod(shape) * dtype.itemsize != len(data):
            raise pickle.UnpicklingError(f"{len(data)} bytes are no array of {shape} {dtype}")
        return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C")


class _RecordedScalar:
    """Stands for a number of NumPy in a pickle."""

    def __init__(self, recorded_type: _RecordedType, text: Any) -> None:
        self._type = recorded_type
        self._text = text

    def restore(self, to_bytes: Callable[[Any], bytes]) -> Any:
        dtype, data = self._type.restore(), to_bytes(self._text)
        if len(data) != dtype.itemsize:
            raise pickle.UnpicklingError(f"{len(data)} bytes are no scalar {dtype}")
        return np.frombuffer(data, dtype)[0]


class _RecordedBytes:
    """Stands for `text.encode("latin1")`, as which Python 3 writes bytes for Python 2."""

    def __init__(self, text: Any, *_: object) -> None:
        self.text = text


_NAMES = {
    "numpy.ndarray": _RecordedArray,
    "numpy.dtype": _RecordedType,
    "numpy.core.multiarray._reconstruct": _RecordedArray,
    "numpy._core.multiarray._reconstruct": _RecordedArray,
    "numpy.core.multiarray.scalar": _RecordedScalar,
    "numpy._core.multiarray.scalar": _RecordedScalar,
    "_codecs.encode": _RecordedBytes,
}


def _build(reader: Any) -> None:
    state = reader.stack.pop()
    target = reader.stack[-1]
    if not isinstance(target, _RecordedArray | _RecordedType):
        kind = target.__name__ if isinstance(target, type) else type(target).__name__
        raise pickle.UnpicklingError(f"it changes a {kind.lstrip('_')}")
    target.record(state)


def _set_items(pairs: Iterable[tuple[Any, Any]], target: Any) -> None:
    for key, value in pairs:
        if not isinstance(key, str | bytes | int | float):
            # A tuple of tuples that share their parts takes for ever to hash.
            raise pickle.UnpicklingError(f"it has a {type(key).__name__} as a key")
        target[key] = value


def _set_item(reader: Any) -> None:
    value, key = reader.stack.pop(), reader.stack.pop()
    _set_items([(key, value)], reader.stack[-1])


def _set_marked_items(reader: Any) -> None:
    items = reader.pop_mark()
    _set_items(zip(items[::2], items[1::2], strict=True), reader.stack[-1])


def _make_dict(reader: Any) -> None:
    items = reader.pop_mark()
    made: dict[Any, Any] = {}
    _set_items(zip(items[::2], items[1::2], strict=True), made)
    reader.append(made)


class _Instructions(dict[int, Any]):
    def __missing__(self, code: int) -> Any:
        raise pickle.UnpicklingError(f"the instruction {code:#x} is refused")


class _Reader(pickle._Unpickler):
    """The unpickler written in Python, with a `find_class` that refuses.

    `pickle.Unpickler`, the one in C, allocates whatever a damaged memo index asks for (13 bytes
    make 32 GiB), and lets nobody see the keys it hashes.
    """

    dispatch = _Instructions(
        (getattr(pickle, name)[0], pickle._Unpickler.dispatch[getattr(pickle, name)[0]])
        for name in _PLAIN_INSTRUCTIONS.split()
    )
    dispatch[pickle.BUILD[0]] = _build
    dispatch[pickle.SETITEM[0]] = _set_item
    dispatch[pickle.SETITEMS[0]] = _set_marked_items
    dispatch[pickle.DICT[0]] = _make_dict

    def find_class(self, module: str, name: str) -> Any:
        full_name = f"{module}.{name}"
        if full_name not in _NAMES:
            raise pickle.UnpicklingError(f"it asks for {full_name}, which is refused")
        return _NAMES[full_name]


class _Restorer:
    """Turns recorded values into arrays.

    What several places refer to is made once. A value that contains itself, or becomes much larger
    than the pickle, exhausts the budget.
    """

    def __init__(self, budget: int) -> None:
        self._remaining_values = budget
        self._remaining_bytes = budget
        self._made: dict[int, Any] = {}

    def restore(self, value: Any) -> Any:
        self._remaining_values -= 1
        if self._remaining_values < 0:
            raise pickle.UnpicklingError("it refers to the same values too often")
        if isinstance(value, _RecordedArray | _RecordedScalar):
            if id(value) not in self._made:
                self._made[id(value)] = value.restore(self._to_bytes)
            return self._made[id(value)]
        if isinstance(value, _RecordedBytes):
            return self._to_bytes(value)
        if isinstance(value, dict):
            return {str(key): self.restore(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.restore(item) for item in value]
        if value is None or isinstance(value, str | bytes | int | float):
            return value
        raise pickle.UnpicklingError(f"it holds a {type(value).__name__}")

    def _to_bytes(self, recorded: Any) -> bytes:
        text = recorded.text if isinstance(recorded, _RecordedBytes) else recorded
        if not isinstance(text, str | bytes):
            raise pickle.UnpicklingError(f"it has a {type(text).__name__} in place of bytes")
        self._remaining_bytes -= len(text)
        if self._remaining_bytes < 0:
            raise pickle.UnpicklingError("it makes more bytes than it has")
        return text.encode("latin-1") if isinstance(text, str) else text
