"""Small files that would become large ones: refused before the memory is taken."""

import functools
import gzip
import io
import pickle
import struct
import tarfile
import time
import tracemalloc
import zipfile
import zlib
from contextlib import contextmanager

import numpy as np
import pytest

from hiervae import datasets
from hiervae.datasets.readers.amat import read_amat
from hiervae.datasets.readers.archive import list_tar, read_tar_member
from hiervae.datasets.readers.bounded import inflated_limit
from hiervae.datasets.readers.idx import read_idx
from hiervae.datasets.readers.matlab import read_matlab
from hiervae.datasets.readers.norb import read_norb
from hiervae.datasets.readers.npy import read_npy, read_npz
from hiervae.datasets.readers.pickled import read_pickled_arrays
from hiervae.datasets.readers.pictures import PictureFormat
from hiervae.datasets.sources import EncodedPictures
from hiervae.errors import DamagedFileError

MAX_BYTES = 64 * 2**20
MAX_SECONDS = 3.0
TOO_MANY = 2**28 + 2**25


@contextmanager
def modest():
    """A block that takes little time and memory."""
    started = time.process_time()
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MAX_BYTES
    finally:
        tracemalloc.stop()
    assert time.process_time() - started < MAX_SECONDS


@functools.cache
def member(num_bytes, letter):
    """A gzip of one text many times, made without holding it in memory."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    piece = letter * (2**20 // len(letter))
    pieces = [packer.compress(piece) for _ in range(num_bytes // len(piece))]
    return b"".join(pieces) + packer.flush()


def inflating(head=b"", num_bytes=TOO_MANY, letter=b"\0"):
    """A gzip of `head` and then one text many times."""
    return gzip.compress(head) + member(num_bytes, letter)


def npy_header(shape, version=1, length=None):
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    form = "<H" if version == 1 else "<I"
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack(form, length or len(text)) + text


def zipped(member, content, method=zipfile.ZIP_DEFLATED, **false):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr(member, content)
        for name, value in false.items():
            setattr(archive.filelist[0], name, value)
    return stream.getvalue()


def tar_header(size, kind):
    info = tarfile.TarInfo("a/b.png")
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def compressed_matlab(element):
    import scipy.io

    stream = io.BytesIO()
    scipy.io.savemat(stream, {})
    content = zlib.compress(element, 9)
    return stream.getvalue()[:128] + struct.pack("<II", 15, len(content)) + content


def matlab_element(num_bytes):
    head = struct.pack("<IIII", 6, 8, 9, 0) + struct.pack("<IIii", 5, 8, 1, num_bytes)
    head += struct.pack("<HH4s", 1, 1, b"a") + struct.pack("<II", 2, num_bytes)
    return struct.pack("<II", 14, len(head) + num_bytes) + head


def idx_header(count):
    return bytes((0, 0, 8, 3)) + struct.pack(">3I", count, 28, 28)


def norb_header(count):
    return struct.pack("<II3I", 0x1E3D4C55, 3, count, 28, 28)


COUNT = TOO_MANY // 784
FILES = {
    "idx.gz, honest": (lambda: inflating(idx_header(COUNT)), lambda path: read_idx(path, (28, 28))),
    "idx.gz, longer": (lambda: inflating(idx_header(1)), lambda path: read_idx(path, (28, 28))),
    "norb.gz, honest": (
        lambda: inflating(norb_header(COUNT)),
        lambda path: read_norb(path, (28, 28)),
    ),
    "amat.gz": (lambda: inflating(letter=b"0 "), lambda path: read_amat(path, 784)),
    "tar.gz": (lambda: inflating(), lambda path: read_tar_member(path, "b.png", 99)),
    "tar.gz, header": (
        lambda: inflating(tar_header(TOO_MANY // 4, tarfile.XHDTYPE), TOO_MANY // 4),
        lambda path: read_tar_member(path, "b.png", 99),
    ),
    "tar, extended header": (lambda: tar_header(2**33 - 1, tarfile.XHDTYPE), list_tar),
    "tar, long name": (lambda: tar_header(2**33 - 1, tarfile.GNUTYPE_LONGNAME), list_tar),
    "npy, 10**12 items": (lambda: npy_header((10**12,)), read_npy),
    "npy, header": (lambda: npy_header((3,), 2, 2**32 - 1), read_npy),
    "npz, 10**12 items": (lambda: zipped("train.npy", npy_header((10**12,))), read_npz),
    "npz, false size": (
        lambda: zipped("train.npy", npy_header((10**9,)), file_size=2**31, compress_size=2**30),
        read_npz,
    ),
    "npz, LZMA": (lambda: zipped("train.npy", npy_header((3,)), zipfile.ZIP_LZMA), read_npz),
    "zip, false size": (
        lambda: zipped("a.png", b"\x89PNG\r\n\x1a\n", file_size=2**31),
        lambda path: EncodedPictures(path, PictureFormat(8, 8)).read([0]),
    ),
    "zip, bzip2": (
        lambda: zipped("a.png", bytes(2**20), zipfile.ZIP_BZIP2),
        lambda path: EncodedPictures(path, PictureFormat(8, 8)).read([0]),
    ),
    "mat": (
        lambda: compressed_matlab(matlab_element(2**31 - 1)),
        lambda path: read_matlab(path, {"a": (1, None)}),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files(name, tmp_path):
    make, read = FILES[name]
    content = make()
    assert len(content) < 2**20
    path = tmp_path / f"a.{name.split(',')[0]}"
    path.write_bytes(content)
    with modest(), pytest.raises(DamagedFileError, match=r"a\."):
        read(path)


def long(number):
    return b"\x8a\x08" + struct.pack("<q", number)


def repeated(start, step, times):
    return b"\x80\x02" + start + step * times + b"."


def memo_of_text(num_bytes, times):
    """A text that is kept, and `times` calls that make bytes of it."""
    text = b"X" + struct.pack("<I", num_bytes) + b"a" * num_bytes + b"q\x00"
    call = b"c_codecs\nencode\nh\x00\x85R"
    return b"\x80\x02](" + text + call * times + b"e."


def arrays_of_one_text(num_bytes, times):
    text = b"X" + struct.pack("<I", num_bytes) + b"a" * num_bytes + b"q\x00"
    kind = b"cnumpy\ndtype\nX\x02\0\0\0u1\x85Rq\x01"
    shape = b"J" + struct.pack("<i", num_bytes) + b"\x85q\x02"
    array = b"cnumpy\nndarray\n)R(K\x01h\x02h\x01\x89h\x00tb"
    return b"\x80\x02](" + text + kind + shape + array * times + b"e."


PICKLES = {
    "bytes of a number": repeated(b"c_codecs\nencode\n" + long(3 * 10**9) + b"\x85R", b"", 0),
    "bytearray": repeated(b"cbuiltins\nbytearray\n" + long(10**9) + b"\x85R", b"", 0),
    "another call": repeated(b"coperator\nmul\n]K\x01a" + long(10**9) + b"\x86R", b"", 0),
    "BINBYTES8": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"a.",
    "BINUNICODE8": b"\x80\x04\x8d" + struct.pack("<Q", 2**40) + b"a.",
    "LONG4": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"\1.",
    "LONG, decimal": b"L" + b"9" * 10**6 + b"L\n.",
    "doubled list": repeated(b"]", b"q\x00(h\x00h\x00l", 60),
    "doubled tuple": repeated(b")", b"q\x00h\x00\x86", 60),
    "doubled tuple as a key": b"\x80\x02})" + b"q\x00h\x00\x86" * 60 + b"Ns.",
    "doubled tuple as a key, marked": b"\x80\x02}()" + b"q\x00h\x00\x86" * 60 + b"Nu.",
    "doubled tuple as a key, DICT": b"\x80\x02()" + b"q\x00h\x00\x86" * 60 + b"Nd.",
    "deep list": b"\x80\x02" + b"]" * 10**5 + b"a" * (10**5 - 1) + b".",
    "text encoded often": memo_of_text(10**5, 10**4),
    "text in many arrays": arrays_of_one_text(10**5, 10**4),
    "long type name": b"\x80\x02cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n"
    + (b"X" + struct.pack("<I", 200_000) + b"i4, " * 50_000 + b"\x85RC\x01a\x86R."),
}


@pytest.mark.parametrize("name", PICKLES)
def test_pickles(name):
    with modest(), pytest.raises(DamagedFileError, match=r"a\.pkl is no pickle of plain arrays"):
        read_pickled_arrays(PICKLES[name], "a.pkl")


@pytest.mark.parametrize(
    "content", [b"\x80\x02Nr\xff\xff\xff\xff.", b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"N."]
)
def test_large_numbers_that_promise_nothing_are_harmless(content):
    with modest():
        assert read_pickled_arrays(content, "a.pkl") is None


def test_what_is_shared_is_made_once():
    array = np.arange(1000)
    made = read_pickled_arrays(pickle.dumps([array] * 50, 2), "a.pkl")
    assert made[0] is made[49]
    np.testing.assert_array_equal(made[0], array)


def test_examples_that_compress_well_are_read(tmp_path):
    assert inflated_limit(2_196_952) > 78_400_000  # statically binarised MNIST
    np.savez_compressed(tmp_path / "a.npz", np.zeros((5000, 784), np.uint8))
    assert datasets.load(tmp_path / "a.npz", valid_fraction=0.5).train.shape[1:] == (784,)
