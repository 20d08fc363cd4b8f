"""Histopathology from a pickle in a tar archive, without unpickling code."""

import pickle

import numpy as np
import pytest

from hiervae import datasets
from hiervae.errors import DamagedFileError

ARCHIVE = "histopathology.pkl.tar.gz"
MEMBER = "histopathology.pkl"


@pytest.fixture
def patches(rng):
    return {
        "training": [rng.random((28, 28)) for _ in range(5)],
        "validation": rng.random((3, 784)).astype(np.float32),
        "test": rng.random((2, 28, 28)),
    }


def write(published, content, folder="histopathology", member=MEMBER):
    data = published.tar({member: content}, "w:gz")
    path = published.root / folder / ARCHIVE
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return published.root


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_reads_every_old_protocol(published, patches, protocol):
    root = write(published, pickle.dumps(patches, protocol=protocol))
    data = datasets.load("histopathology", root)
    low, high = 1.0 / 512.0, 1.0 - 1.0 / 512.0
    expected = np.clip(np.asarray(patches["training"], np.float32), low, high)
    np.testing.assert_allclose(data.train, expected, rtol=1e-6)
    assert data.valid.shape == (3, 28, 28)
    assert data.test.shape == (2, 28, 28)
    assert data.info.sizes == {"train": 5, "valid": 3, "test": 2}


def test_reads_the_unpacked_pickle(published, patches):
    published.write("HistopathologyGray", MEMBER, pickle.dumps(patches, protocol=2))
    assert datasets.load("histopathology", published.root).train.shape == (5, 28, 28)


class Call:
    def __reduce__(self):
        return (print, ("this must not run",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda p: pickle.dumps(p | {"test": Call()}), "which is refused"),
        (lambda p: pickle.dumps(p)[:-500], "no pickle of plain arrays"),
        (lambda p: pickle.dumps([1, 2]), "no dictionary with the keys"),
        (lambda p: pickle.dumps(p | {"test": np.zeros((2, 5))}, 2), "not a set of 28x28"),
        (lambda p: pickle.dumps(p | {"test": np.full((1, 784), 2.0)}, 2), "outside"),
        (lambda p: pickle.dumps(p | {"test": np.full((1, 784), np.nan)}, 2), "outside"),
    ],
)
def test_other_content_is_refused(published, patches, content, message, capsys):
    plain = patches | {"training": patches["test"]}
    with pytest.raises(DamagedFileError, match=message):
        datasets.load("histopathology", write(published, content(plain)))
    assert "must not run" not in capsys.readouterr().out


@pytest.mark.parametrize("member", ["../histopathology.pkl", "/tmp/histopathology.pkl"])
def test_members_that_lead_out_are_refused(published, patches, member):
    root = write(published, pickle.dumps(patches, 2), member=member)
    with pytest.raises(DamagedFileError, match="leads out of the archive"):
        datasets.load("histopathology", root)


def test_an_archive_without_the_pickle_is_refused(published):
    with pytest.raises(DamagedFileError, match="no file named"):
        datasets.load("histopathology", write(published, b"", member="readme.txt"))
