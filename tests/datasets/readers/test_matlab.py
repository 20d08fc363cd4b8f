"""The MATLAB reader against SciPy's."""

import numpy as np
import pytest
import scipy.io

from hiervae.datasets.readers.matlab import read_matlab, scan_matlab, stream_matlab, upright
from hiervae.errors import DamagedFileError, DataError

TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "i8", "u8", "f4", "f8"]


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("dtype", TYPES)
def test_header_and_stream_agree_with_scipy(tmp_path, rng, dtype, compressed):
    values = (rng.random((3, 5, 4)) * 100).astype(dtype)
    names = {"a": values, "a_longer_name": values[:1, :1, 0], "b": values[0]}
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, names, do_compression=compressed)
    variables = scan_matlab(path)
    assert list(variables) == list(names)
    for name, expected in names.items():
        variable = variables[name]
        assert variable.shape == expected.shape
        flat = np.frombuffer(b"".join(stream_matlab(path, variable)), variable.dtype)
        np.testing.assert_array_equal(flat.reshape(variable.shape, order="F"), expected)
        read = read_matlab(path, {name: expected.shape})[name]
        np.testing.assert_array_equal(read, expected)


def test_large_data_streams_in_pieces(tmp_path, rng):
    values = rng.integers(0, 256, (100, 30_000)).astype(np.uint8)
    scipy.io.savemat(tmp_path / "a.mat", {"a": values}, do_compression=True)
    pieces = list(stream_matlab(tmp_path / "a.mat", scan_matlab(tmp_path / "a.mat")["a"]))
    assert len(pieces) > 1
    assert b"".join(pieces) == values.tobytes(order="F")


@pytest.mark.parametrize(
    "value",
    [{"a": 1}, np.array([["a", 1]], dtype=object), "text", 1j, scipy.sparse.eye_array(3).tocsc()],
)
def test_other_classes_are_refused(tmp_path, value):
    scipy.io.savemat(tmp_path / "a.mat", {"a": value})
    with pytest.raises(DamagedFileError, match="no real numbers"):
        read_matlab(tmp_path / "a.mat", {"a": (None, None)})
    with pytest.raises(DataError, match="not numeric"):
        list(stream_matlab(tmp_path / "a.mat", scan_matlab(tmp_path / "a.mat")["a"]))


@pytest.mark.parametrize("version", ["4", "5"])
def test_formats(tmp_path, version):
    scipy.io.savemat(tmp_path / "a.mat", {"a": np.eye(2)}, format=version)
    if version == "4":
        with pytest.raises(DamagedFileError, match="not a MATLAB 5 file"):
            scan_matlab(tmp_path / "a.mat")
    else:
        assert scan_matlab(tmp_path / "a.mat")["a"].shape == (2, 2)


def test_hdf5_is_named(tmp_path):
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file" + b" " * 200)
    with pytest.raises(DamagedFileError, match="HDF5"):
        scan_matlab(tmp_path / "a.mat")


def test_upright():
    image = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(upright(image.ravel(order="F")[None], 2, 3), image[None])


def test_every_damaged_byte_of_compressed_data_is_noticed(tmp_path, rng):
    values = rng.integers(0, 256, (20, 30)).astype(np.uint8)
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"a": values}, do_compression=True)
    content = path.read_bytes()
    for place in range(136, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(DamagedFileError, match=r"a\.mat"):
            read_matlab(path, {"a": (20, 30)})
