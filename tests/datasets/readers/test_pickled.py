"""The pickle reader: arrays of every protocol in use, and nothing else."""

import pickle
import struct

import numpy as np
import pytest

from hiervae.datasets.readers.pickled import read_pickled_arrays
from hiervae.errors import DamagedFileError


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize("dtype", ["u1", "<f4", ">f8", "?", ">i2"])
def test_arrays(rng, protocol, dtype):
    array = (rng.random((3, 4)) * 2).astype(dtype)
    value = {"a": array, "b": [np.asfortranarray(array)], "c": (1, 2.5, None, "x", array[0, 0])}
    read = read_pickled_arrays(pickle.dumps(value, protocol), "f")
    np.testing.assert_array_equal(read["a"], array)
    np.testing.assert_array_equal(read["b"][0], array)
    assert read["c"] == [1, 2.5, None, "x", array[0, 0]]


def test_text_of_python_2():
    content = (
        b"cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\nS'b'\np3\n"
        b"tp4\nRp5\n(I1\n(I2\ntp6\ncnumpy\ndtype\np7\n(S'u1'\np8\nI0\nI1\ntp9\nRp10\n(I3\nS'|'\n"
        b"p11\nNNNI-1\nI-1\nI0\ntp12\nbI00\nS'\\xff\\x01'\np13\ntp14\nb."
    )
    np.testing.assert_array_equal(read_pickled_arrays(content, "f"), np.array([255, 1], np.uint8))


class Calls:
    def __reduce__(self):
        return (exec, ("raise SystemExit",))


def nested(depth, width):
    value = [0.0] * width
    for _ in range(depth):
        value = [value] * width
    return value


def state(shape, code, data):
    """A pickle of an array with this state, written by hand."""
    dtype = b"cnumpy\ndtype\n(S'" + code + b"'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
    start = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
    return start + b"(I1\n(" + shape + b"t" + dtype + b"I00\nS'" + data + b"'\ntb."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps(Calls()), "exec, which is refused"),
        (pickle.dumps(np.array([Calls()], dtype=object), 2), "exec, which is refused"),
        (pickle.dumps(np.array([None], dtype=object), 2), "refused"),
        (pickle.dumps(np.array(["a"]), 2), "refused"),
        (pickle.dumps({1, 2}), "instruction 0x8f is refused"),
        (pickle.dumps(bytearray(5), 5), "instruction 0x96 is refused"),
        (b"\x80\x02c_codecs\nencode\n}X\x01\0\0\0aK\x01sb.", "it changes a RecordedBytes"),
        (b"\x80\x02cnumpy\nndarray\n}X\x01\0\0\0aK\x01sb.", "it changes a RecordedArray"),
        (pickle.dumps(nested(8, 100)), "too often"),
        (b"\x80\x02]q\x00h\x00a.", "too often"),
        (b"\x80\x02K\x01r\xff\xff\xff\x7f", "EOFError"),
        (b"\x80\x05\x8e" + struct.pack("<Q", 2**60), "no pickle"),
        (state(b"I99999999999\n", b"f8", b"ab"), "2 bytes are no array"),
        (state(b"I-2\nI-1\n", b"u1", b"ab"), "not possible"),
        (state(b"I1\n", b"O", b"abcdefgh"), "refused"),
        (b"", "EOFError"),
        (b"not a pickle", "no pickle"),
    ],
)
def test_everything_else_is_refused(content, message):
    with pytest.raises(DamagedFileError, match=message):
        read_pickled_arrays(content, "f")
