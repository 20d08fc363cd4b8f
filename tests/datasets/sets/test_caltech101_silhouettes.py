"""Caltech-101 silhouettes: column-major pixels, 1 is background in the file."""

import numpy as np
import pytest

from hiervae import datasets
from hiervae.errors import DamagedFileError

FILE = "caltech101_silhouettes_28_split1.mat"


@pytest.fixture
def objects(rng):
    sizes = {"train": 5, "val": 3, "test": 2}
    return {part: rng.integers(0, 2, (n, 28, 28)).astype(np.uint8) for part, n in sizes.items()}


def write(published, objects, **changes):
    variables = {"classnames": np.array([["a", "b"]], dtype=object)}
    for part, images in objects.items():
        variables[f"{part}_data"] = 1 - images.transpose(0, 2, 1).reshape(-1, 784)
        variables[f"{part}_labels"] = np.arange(1, len(images) + 1, dtype=np.uint8)[:, None]
    content = published.matlab(**(variables | changes))
    published.write("caltech101_silhouettes", FILE, content)
    return published.root


def test_images_are_upright_and_inverted(published, objects):
    data = datasets.load("caltech101_silhouettes", write(published, objects))
    np.testing.assert_array_equal(data.train, objects["train"])
    np.testing.assert_array_equal(data.valid, objects["val"])
    np.testing.assert_array_equal(data.test, objects["test"])
    np.testing.assert_array_equal(data.train_labels, [0, 1, 2, 3, 4])
    assert data.train.dtype == np.float32
    assert data.info.binarisation == "static"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_data": np.zeros((5, 783), np.uint8)}, r"shape \(5, 783\)"),
        ({"train_data": np.full((5, 784), 2, np.uint8)}, "other than 0 and 1"),
        ({"train_data": np.zeros((4, 784), np.uint8)}, "not as long"),
        ({"train_data": np.array([["x"]], dtype=object)}, "no real numbers"),
        ({"val_labels": np.zeros((3, 1), complex)}, "no real numbers"),
    ],
)
def test_other_content_is_refused(published, objects, changes, message):
    with pytest.raises(DamagedFileError, match=message):
        datasets.load("caltech101_silhouettes", write(published, objects, **changes))


def test_another_matlab_file_is_refused(published):
    published.write("caltech101", FILE, published.matlab(X=np.zeros((3, 784))))
    with pytest.raises(DamagedFileError, match="no variable 'train_data'; it has X"):
        datasets.load("caltech101_silhouettes", published.root)
