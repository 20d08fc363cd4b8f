"""Static MNIST from `.amat` text."""

import gzip
import time

import numpy as np
import pytest

from hiervae import datasets
from hiervae.errors import DamagedFileError, DataError, DatasetNotFoundError


@pytest.fixture
def images(rng):
    return {
        split: rng.integers(0, 2, (n, 784))
        for split, n in (("train", 7), ("valid", 3), ("test", 2))
    }


def write(published, images, suffix=".amat", change=lambda text: text):
    for split, rows in images.items():
        published.write(
            "binarized_mnist", f"binarized_mnist_{split}{suffix}", change(published.amat(rows))
        )


@pytest.mark.parametrize("suffix", [".amat", ".amat.gz"])
def test_reads_text(published, images, suffix):
    write(published, images, suffix)
    data = datasets.load("static_mnist", data_dir=published.root)
    for split, rows in images.items():
        loaded = getattr(data, split)
        assert loaded.dtype == np.float32
        np.testing.assert_array_equal(loaded, rows.reshape(-1, 28, 28))
    assert data.info.sizes == {"train": 7, "valid": 3, "test": 2}
    assert data.info.binarisation == "static"
    assert data.train_labels is None
    assert set(data.info.checksums) == {f"binarized_mnist_{s}{suffix}" for s in images}


@pytest.mark.parametrize("valid_size", [0, 2, 5])
def test_validation_is_the_end_of_both_files(published, images, valid_size):
    write(published, images)
    data = datasets.load("static_mnist", data_dir=published.root, valid_size=valid_size)
    both = np.concatenate([images["train"], images["valid"]]).reshape(-1, 28, 28)
    np.testing.assert_array_equal(data.train, both[: 10 - valid_size])
    np.testing.assert_array_equal(data.valid, both[10 - valid_size :])
    np.testing.assert_array_equal(data.test, images["test"].reshape(-1, 28, 28))
    assert data.info.sizes == {"train": 10 - valid_size, "valid": valid_size, "test": 2}


@pytest.mark.parametrize(
    ("valid_size", "message"), [(10, "leave 0 of 10 examples"), (-1, "valid_size is -1")]
)
def test_a_validation_set_out_of_range_is_refused(published, images, valid_size, message):
    write(published, images)
    with pytest.raises(DataError, match=message):
        datasets.load("static_mnist", data_dir=published.root, valid_size=valid_size)


def test_carriage_returns_and_missing_last_line_end(published, images):
    write(published, images, change=lambda text: text.replace(b"\n", b"\r\n")[:-2])
    data = datasets.load("static_mnist", data_dir=published.root / "binarized_mnist")
    np.testing.assert_array_equal(data.train, images["train"].reshape(-1, 28, 28))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-700], "ends within line"),
        (lambda text: b"", "is empty"),
        (lambda text: text.replace(b"1", b"2", 1), "line 1: expected 784 values"),
        (lambda text: text[:1568] + b"0,1" + text[1571:], "line 2: expected 784 values"),
        (lambda text: text.replace(b"\n", b" "), "expected 784 values"),
        (lambda text: text[:-1] + b"0", "expected 784 values"),
        (lambda text: b"MATLAB 5.0 MAT-file" + text, "line"),
    ],
)
def test_damaged_text_is_refused(published, images, change, message):
    write(published, images, change=change)
    with pytest.raises(DamagedFileError, match=message) as caught:
        datasets.load("static_mnist", data_dir=published.root)
    assert "binarized_mnist_train.amat" in str(caught.value)


def test_truncated_gzip_is_refused(published, images):
    write(published, images)
    path = published.root / "binarized_mnist" / "binarized_mnist_train.amat"
    path.rename(path.with_suffix(".old"))
    whole = gzip.compress(path.with_suffix(".old").read_bytes())
    path.with_suffix(".amat.gz").write_bytes(whole[:-20])
    with pytest.raises(DamagedFileError, match=r"train\.amat\.gz is truncated"):
        datasets.load("static_mnist", data_dir=published.root)


def test_missing_file_says_everything(tmp_path):
    with pytest.raises(DatasetNotFoundError) as caught:
        datasets.load("static_mnist", data_dir=tmp_path)
    message = str(caught.value)
    for part in (
        "binarized_mnist_train.amat",
        "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/",
        "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d",
        "no separate licence stated",
        str(tmp_path / "static_mnist" / "binarized_mnist_train.amat"),
        "download=True",
    ):
        assert part in message
    assert "\n" not in message


@pytest.mark.data
def test_real_files():
    started = time.process_time()
    data = datasets.load("static_mnist")
    assert time.process_time() - started < 3.0
    assert data.train.shape == (50_000, 28, 28)
    assert data.valid.shape == data.test.shape == (10_000, 28, 28)
    means = [part.mean(dtype=np.float64) for part in (data.train, data.valid, data.test)]
    np.testing.assert_allclose(means, [0.130562, 0.131127, 0.132512], atol=1e-6)
    assert set(np.unique(data.train)) == {0.0, 1.0}


@pytest.mark.data
def test_real_test_images_are_binarised_mnist_sorted_by_class():
    static = datasets.load("static_mnist").test
    mnist = datasets.load("mnist", binarisation="none")
    grey = mnist.test[np.argsort(mnist.test_labels, kind="stable")]
    assert not static[grey == 0.0].any()
    assert static[grey == 1.0].all()
