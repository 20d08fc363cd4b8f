"""Frey Faces from MATLAB, NumPy and pickle files."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from hiervae import datasets
from hiervae.errors import DamagedFileError


@pytest.fixture
def faces(rng):
    return rng.integers(8, 239, (12, 560)).astype(np.uint8)


def write(published, faces, kind):
    if kind == "mat":
        return published.write("freyfaces", "frey_rawface.mat", published.matlab(ff=faces.T))
    if kind == "npz":
        path = published.write("freyfaces", "freyfaces.npz", b"")
        np.savez(path, faces=faces)
        return path
    content = [faces] if kind == "list" else faces
    return published.write("freyfaces", "freyfaces.pkl", pickle.dumps(content, protocol=2))


@pytest.mark.parametrize("kind", ["mat", "npz", "list", "bare"])
def test_every_form_gives_the_same(published, faces, kind):
    write(published, faces, kind)
    data = datasets.load("frey_faces", published.root, valid_size=2, test_size=3, seed=None)
    values = ((faces + 0.5) / 256.0).astype(np.float32).reshape(-1, 28, 20)
    np.testing.assert_array_equal(data.train, values[:7])
    np.testing.assert_array_equal(data.valid, values[7:9])
    np.testing.assert_array_equal(data.test, values[9:])
    assert data.info.likelihood == "discretized_logistic"


def test_seed_shuffles_without_loss(published, faces):
    write(published, faces, "mat")
    data = datasets.load("frey_faces", published.root, valid_size=2, test_size=3, seed=1)
    rows = np.concatenate([data.train, data.valid, data.test]).reshape(-1, 560)
    values = ((faces + 0.5) / 256.0).astype(np.float32)
    assert (rows[:7] != values[:7]).any()
    np.testing.assert_array_equal(np.unique(rows, axis=0), np.unique(values, axis=0))


@pytest.mark.parametrize("kind", ["mat", "npz", "bare"])
def test_other_shapes_are_refused(published, faces, kind):
    write(published, faces[:, :-1], kind)
    with pytest.raises(DamagedFileError, match="560"):
        datasets.load("frey_faces", published.root)


def test_a_pickle_that_calls_is_refused(published):
    content = b"cos\nsystem\n(S'true'\ntR."
    published.write("freyfaces", "freyfaces.pkl", content)
    with pytest.raises(DamagedFileError, match=r"os\.system, which is refused"):
        datasets.load("frey_faces", published.root)


@pytest.mark.data
def test_real_files():
    data = datasets.load("frey_faces", seed=None)
    values = np.concatenate([data.train, data.valid, data.test])
    assert values.shape == (1965, 28, 20)
    stored = values * 256.0 - 0.5
    assert stored.min() == 8
    assert stored.max() == 238
    assert stored.mean(dtype=np.float64) == pytest.approx(154.461, abs=1e-3)
    (name,) = data.info.checksums
    assert data.info.checksums[name] == datasets.describe("frey_faces").files[0].sha256
    folder = Path(os.environ["HIERVAE_DATA"]) / "freyfaces"
    with np.load(folder / "freyfaces.npz") as archive:
        np.testing.assert_array_equal(stored.reshape(1965, 560), archive["faces"])
