"""MNIST and Fashion-MNIST from idx files."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from hiervae import datasets
from hiervae.errors import DamagedFileError, DataError


@pytest.fixture
def arrays(rng):
    return {
        "train-images-idx3-ubyte": rng.integers(0, 256, (9, 28, 28)),
        "train-labels-idx1-ubyte": np.arange(9),
        "t10k-images-idx3-ubyte": rng.integers(0, 256, (4, 28, 28)),
        "t10k-labels-idx1-ubyte": np.array([7, 2, 1, 0]),
    }


@pytest.fixture
def write(published, arrays):
    def _write(folder="mnist", suffix=".gz", **changes):
        for name, values in (arrays | changes).items():
            content = values if isinstance(values, bytes) else published.idx(values)
            published.write(folder, name + suffix, content)
        return published.root

    return _write


@pytest.mark.parametrize("suffix", [".gz", ""])
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_reads_greys(write, arrays, name, suffix):
    root = write(name, suffix)
    data = datasets.load(name, root, binarisation="none", valid_size=2)
    images = arrays["train-images-idx3-ubyte"].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(data.train, images[:7])
    np.testing.assert_array_equal(data.valid, images[7:])
    np.testing.assert_array_equal(data.train_labels, np.arange(7))
    np.testing.assert_array_equal(data.valid_labels, [7, 8])
    np.testing.assert_array_equal(data.test_labels, [7, 2, 1, 0])
    assert data.info.binarisation == "none"
    assert data.info.likelihood == {"mnist": "bernoulli", "fashion_mnist": "gaussian"}[name]
    assert data.train.dtype == np.float32


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_dynamic_rule_keeps_training_greys_and_fixes_one_draw(write, arrays, name):
    root = write(name)
    data = datasets.load(name, root, valid_size=4)
    again = datasets.load(name, root, valid_size=4)
    other = datasets.load(name, root, valid_size=4, binarisation_seed=1)
    greys = arrays["train-images-idx3-ubyte"] / 255.0
    assert data.info.binarisation == "dynamic"
    assert data.info.likelihood == "bernoulli"
    np.testing.assert_allclose(data.train, greys[:5], rtol=1e-6)
    assert set(np.unique(data.valid)) == set(np.unique(data.test)) == {0.0, 1.0}
    np.testing.assert_array_equal(data.test, again.test)
    assert (data.test != other.test).any()
    assert abs(data.valid.mean() - greys[5:].mean()) < 4 * 0.5 / np.sqrt(4 * 784)
    assert not data.valid[greys[5:] == 0].any()
    assert data.valid[greys[5:] == 1].all()


def test_static_rule_is_refused(write):
    with pytest.raises(DataError, match="static_mnist"):
        datasets.load("mnist", write(), binarisation="static")
    with pytest.raises(DataError, match="expected one of 'none', 'static', 'dynamic'"):
        datasets.load("mnist", write(), binarisation="sometimes", valid_size=1)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("train-images-idx3-ubyte", lambda c: c[:-1], "truncated|promises"),
        ("train-images-idx3-ubyte", lambda c: c + b"\0", "more bytes"),
        ("train-images-idx3-ubyte", lambda c: b"\0\0\x0d\x03" + c[4:], "00000d03"),
        ("train-images-idx3-ubyte", lambda c: c[:4] + b"\xff\xff\xff\xff" + c[8:], "promises"),
        ("train-images-idx3-ubyte", lambda c: c[:11] + b"\x1b" + c[12:], r"\(9, 27, 28\)"),
        (
            "train-labels-idx1-ubyte",
            lambda c: c[:6] + b"\0\x08" + c[8:-1],
            "do not belong together",
        ),
        ("t10k-labels-idx1-ubyte", lambda c: b"", "truncated"),
    ],
)
@pytest.mark.parametrize("suffix", [".gz", ""])
def test_damaged_files_are_refused(write, published, arrays, name, change, message, suffix):
    root = write(suffix=suffix, **{name: change(published.idx(arrays[name]))})
    with pytest.raises(DamagedFileError, match=message) as caught:
        datasets.load("mnist", root, valid_size=1)
    assert name in str(caught.value)


def test_a_valid_size_that_leaves_no_training_images_is_refused(write):
    with pytest.raises(DataError, match="leave 0 of 9"):
        datasets.load("mnist", write(), valid_size=9)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "mean", "std", "test_mean"),
    [("mnist", 0.130660, 0.308108, 0.132515), ("fashion_mnist", 0.286041, 0.353024, 0.286849)],
)
def test_real_files(name, mean, std, test_mean):
    data = datasets.load(name, binarisation="none")
    assert data.train.shape == (50_000, 28, 28)
    assert data.valid.shape == data.test.shape == (10_000, 28, 28)
    both = np.concatenate([data.train, data.valid])
    assert both.mean(dtype=np.float64) == pytest.approx(mean, abs=1e-6)
    assert both.std(dtype=np.float64) == pytest.approx(std, abs=1e-6)
    assert data.test.mean(dtype=np.float64) == pytest.approx(test_mean, abs=1e-6)
    counts = np.bincount(np.concatenate([data.train_labels, data.valid_labels]))
    expected = {
        "mnist": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        "fashion_mnist": [6000] * 10,
    }[name]
    assert counts.tolist() == expected
    published = {remote.name: remote.sha256 for remote in data.info.files}
    assert dict(data.info.checksums) == published


@pytest.mark.data
def test_mnist_under_fashion_mnists_name_is_refused(tmp_path):
    (tmp_path / "fashion_mnist").symlink_to(Path(os.environ["HIERVAE_DATA"]) / "mnist")
    with pytest.raises(DataError, match="is the one of 'mnist'"):
        datasets.load("fashion_mnist", tmp_path)


@pytest.mark.data
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "omniglot_rebuilt", "frey_faces"])
def test_real_files_load_in_a_second(name):
    times = []
    for _ in range(3):
        started = time.process_time()
        datasets.load(name)
        times.append(time.process_time() - started)
    assert min(times) < 1.0
