"""SVHN from MATLAB files, with the extra images read lazily."""

import os

import numpy as np
import pytest
import scipy.io

from hiervae import datasets
from hiervae.errors import DamagedFileError


@pytest.fixture
def images(rng):
    sizes = {"train": 8, "test": 3, "extra": 5}
    return {
        part: rng.integers(0, 256, (n, 32, 32, 3)).astype(np.uint8) for part, n in sizes.items()
    }


@pytest.fixture
def write(published, images):
    def _write(parts=("train", "test"), compressed=True, **changes):
        for part in parts:
            values = {
                "X": images[part].transpose(1, 2, 3, 0),
                "y": np.arange(1, len(images[part]) + 1, dtype=np.uint8)[:, None],
            } | changes
            path = published.write("svhn", f"{part}_32x32.mat", b"")
            scipy.io.savemat(path, values, do_compression=compressed)
        return published.root

    return _write


@pytest.mark.parametrize("compressed", [True, False])
def test_images_are_upright_with_colours_last(write, images, compressed):
    data = datasets.load("svhn", write(compressed=compressed), valid_size=2, seed=None)
    np.testing.assert_array_equal(data.train, images["train"][:6].astype(np.float32) / 255)
    np.testing.assert_array_equal(data.test, images["test"].astype(np.float32) / 255)
    np.testing.assert_array_equal(data.train_labels, [1, 2, 3, 4, 5, 6])
    assert data.info.event_shape == (32, 32, 3)


def test_ten_is_zero(write):
    labels = np.array([[10], [1], [2]], np.uint8)
    root = write(("test",), y=labels)
    write(("train",))
    data = datasets.load("svhn", root, valid_size=1)
    np.testing.assert_array_equal(data.test_labels, [0, 1, 2])


def test_extra_images_join_the_training_split_lazily(write, images):
    root = write(("train", "test", "extra"))
    data = datasets.load("svhn", root, extra=True, valid_size=2, seed=None, batch_size=4)
    expected = np.concatenate([images["train"][:6], images["extra"]]).astype(np.float32) / 255
    assert data.train.shape == (11, 32, 32, 3)
    np.testing.assert_array_equal(data.train.read(slice(None)), expected)
    np.testing.assert_array_equal(data.train.read([10, 0, 7]), expected[[10, 0, 7]])
    np.testing.assert_array_equal(data.train_labels, [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5])
    assert data.info.sizes["train"] == 11


def test_a_changed_file_is_unpacked_again(write, images, published):
    root = write()
    datasets.load("svhn", root, valid_size=1)
    write(("test",), X=255 - images["test"].transpose(1, 2, 3, 0))
    path = published.root / "svhn" / "test_32x32.mat"
    os.utime(path, ns=(1, 1))
    data = datasets.load("svhn", root, valid_size=1)
    np.testing.assert_array_equal(data.test, (255 - images["test"]).astype(np.float32) / 255)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": np.zeros((32, 32, 1, 3), np.uint8)}, "expected numbers of shape"),
        ({"X": np.zeros((32, 32, 3, 3), np.float32)}, "expected bytes"),
        ({"y": np.ones((2, 1), np.uint8)}, "as many images as digits"),
    ],
)
def test_other_content_is_refused(write, changes, message):
    root = write()
    write(("test",), **changes)
    with pytest.raises(DamagedFileError, match=message):
        datasets.load("svhn", root, valid_size=1)


def test_a_truncated_file_leaves_nothing_behind(write, published, tmp_path):
    root = write()
    path = published.root / "svhn" / "train_32x32.mat"
    path.write_bytes(path.read_bytes()[:9_000])
    with pytest.raises(DamagedFileError, match=r"train_32x32\.mat"):
        datasets.load("svhn", root, valid_size=1)
    assert not [file for file in (tmp_path / "keras").rglob("*") if file.is_file()]
