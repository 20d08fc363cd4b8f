"""Damaged files: whatever is changed, a reader returns or raises the package's own error, soon
and without a giant allocation."""

import functools
import gzip
import pickle
import time
import tracemalloc

import numpy as np
import pytest

from hiervae.datasets.readers.acclaim import read_amc, read_asf
from hiervae.datasets.readers.amat import read_amat
from hiervae.datasets.readers.archive import list_tar, read_tar_member
from hiervae.datasets.readers.idx import read_idx
from hiervae.datasets.readers.matlab import read_matlab, scan_matlab, stream_matlab
from hiervae.datasets.readers.norb import read_norb
from hiervae.datasets.readers.npy import read_npy, read_npz
from hiervae.datasets.readers.pickled import read_pickled_arrays
from hiervae.datasets.readers.pictures import PictureFormat
from hiervae.datasets.sources import EncodedPictures
from hiervae.errors import HiervaeError
from tests.support.mutants import NUM_MUTANTS, mutants

MAX_SECONDS = 2.0
MAX_BYTES = 64 * 2**20

ASF = """:units
 length 0.45
 angle deg
:root
 order TX TY TZ RX RY RZ
 axis XYZ
 position 0 0 0
 orientation 0 0 0
:bonedata
 begin
  name arm
  direction 1 0 0
  length 2
  axis 0 0 20 XYZ
  dof rx ry
 end
:hierarchy
 begin
  root arm
 end
"""
AMC = "#!x\r\n:DEGREES\r\n1\r\nroot 1 2 3\r\narm 4\r\n2\r\nroot 1 2 3\r\narm 4e-014\r\n"


def stream_all(path):
    for variable in scan_matlab(path).values():
        sum(map(len, stream_matlab(path, variable)))


def read_pictures(path):
    source = EncodedPictures(path, PictureFormat(8, 8))
    source.read(range(source.shape[0]))


def read_pickle(path):
    read_pickled_arrays(path.read_bytes(), str(path))


def cases(published):
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (3, 4, 5)).astype(np.uint8)
    rows = rng.integers(0, 2, (5, 6))
    matlab = published.matlab(a=small[0], b=rng.random((3, 4)), c=np.array([["x"]], dtype=object))
    picture = published.picture(small[0])
    archive = {"a/b.png": picture, "a/c.png": picture}
    numpy_file = functools.partial(np.save, arr=small.astype(float))
    return {
        "idx": (published.idx(small), lambda path: read_idx(path, (4, 5))),
        "idx.gz": (gzip.compress(published.idx(small)), lambda path: read_idx(path, (4, 5))),
        "amat": (published.amat(rows), lambda path: read_amat(path, 6)),
        "amat.gz": (gzip.compress(published.amat(rows)), lambda path: read_amat(path, 6)),
        "norb": (published.norb(small), lambda path: read_norb(path, (4, 5))),
        "norb.gz": (gzip.compress(published.norb(small)), lambda path: read_norb(path, (4, 5))),
        "mat": (matlab, lambda path: read_matlab(path, {"a": (4, 5), "b": (None, None)})),
        "plain.mat": (plain_matlab(small), lambda path: read_matlab(path, {"a": (3, 4, 5)})),
        "stream.mat": (matlab, stream_all),
        "npy": (saved(numpy_file), read_npy),
        "npz": (saved(functools.partial(np.savez_compressed, a=small, b=rows)), read_npz),
        "pkl": (pickle.dumps({"a": [small, 1.5], "b": rows}, 2), read_pickle),
        "0.pkl": (pickle.dumps({"a": [small, 1.5], "b": rows}, 0), read_pickle),
        "png.zip": (published.zip(archive), read_pictures),
        "png.tar": (published.tar(archive), read_pictures),
        "tar.gz": (published.tar(archive, "w:gz"), lambda path: read_tar_member(path, "b.png", 99)),
        "list.tar": (published.tar(archive), list_tar),
        "amc": (AMC.encode(), read_amc),
        "asf": (ASF.encode(), read_asf),
    }


def plain_matlab(values):
    import io

    import scipy.io

    stream = io.BytesIO()
    scipy.io.savemat(stream, {"a": values})
    return stream.getvalue()


def saved(save):
    import io

    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


NAMES = [
    *("idx", "idx.gz", "amat", "amat.gz", "norb", "norb.gz", "mat", "plain.mat", "stream.mat"),
    *("npy", "npz", "pkl", "0.pkl", "png.zip", "png.tar", "tar.gz", "list.tar", "amc", "asf"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_mutants(name, published, tmp_path):
    content, read = cases(published)[name]
    path = tmp_path / f"file.{name}"
    path.write_bytes(content)
    if name != "stream.mat":
        read(path)
    rng = np.random.default_rng(sum(name.encode()))
    refused = 0
    tracemalloc.start()
    try:
        for mutant in mutants(content, rng, NUM_MUTANTS):
            path.write_bytes(mutant)
            tracemalloc.reset_peak()
            started = time.process_time()
            try:
                read(path)
            except HiervaeError:
                refused += 1
            assert time.process_time() - started < MAX_SECONDS
            assert tracemalloc.get_traced_memory()[1] < MAX_BYTES
    finally:
        tracemalloc.stop()
    assert refused > NUM_MUTANTS // 4


def test_the_table_is_whole(published):
    assert list(cases(published)) == NAMES
