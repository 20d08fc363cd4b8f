"""small NORB from its binary matrices."""

import numpy as np
import pytest

from hiervae import datasets
from hiervae.errors import DamagedFileError, DataError

TRAIN = "smallnorb-5x46789x9x18x6x2x96x96-training"
TEST = "smallnorb-5x01235x9x18x6x2x96x96-testing"


@pytest.fixture
def pairs(rng):
    return {TRAIN: rng.integers(0, 256, (6, 2, 96, 96)), TEST: rng.integers(0, 256, (3, 2, 96, 96))}


def write(published, pairs, suffix=".gz", change=lambda name, content: content):
    for prefix, images in pairs.items():
        contents = {
            f"{prefix}-dat.mat": published.norb(images.astype(np.uint8)),
            f"{prefix}-cat.mat": published.norb(np.arange(len(images), dtype=np.int32) % 5),
        }
        for name, content in contents.items():
            published.write("smallnorb", name + suffix, change(name, content))
    return published.root


@pytest.mark.parametrize("suffix", [".gz", ""])
def test_averages_blocks_and_keeps_pairs_together(published, pairs, suffix):
    root = write(published, pairs, suffix)
    data = datasets.load("small_norb", root, valid_size=2, seed=None)
    blocks = pairs[TRAIN].reshape(12, 32, 3, 32, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(data.train, np.rint(blocks[:8]) / 255.0, atol=1e-6)
    np.testing.assert_allclose(data.valid, np.rint(blocks[8:]) / 255.0, atol=1e-6)
    np.testing.assert_array_equal(data.train_labels, [0, 0, 1, 1, 2, 2, 3, 3])
    assert data.test.shape == (6, 32, 32)
    shuffled = datasets.load("small_norb", root, valid_size=2, seed=5)
    assert shuffled.train_labels.tolist() != data.train_labels.tolist()
    np.testing.assert_array_equal(shuffled.train_labels[::2], shuffled.train_labels[1::2])


def test_full_size_lazily(published, pairs):
    root = write(published, pairs)
    data = datasets.load(
        "small_norb", root, image_size=96, valid_size=1, seed=None, lazy=True, batch_size=4
    )
    assert data.train.shape == (10, 96, 96)
    assert len(data.train) == 3
    np.testing.assert_array_equal(
        data.train.read(slice(None)), pairs[TRAIN].reshape(12, 96, 96)[:10].astype(np.float32) / 255
    )
    assert data.info.event_shape == (96, 96)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (f"{TRAIN}-dat.mat", lambda c: c[:-1], "promises|truncated"),
        (f"{TRAIN}-dat.mat", lambda c: c + b"\0", "more bytes"),
        (f"{TRAIN}-dat.mat", lambda c: b"\0" + c[1:], "starts with type"),
        (f"{TRAIN}-dat.mat", lambda c: c[:8] + b"\xff\xff\xff\x7f" + c[12:], "promises"),
        (f"{TRAIN}-dat.mat", lambda c: c[:16] + b"\x61" + c[17:], "97"),
        (f"{TEST}-cat.mat", lambda c: c[:8] + b"\2" + c[9:-4], "do not belong together"),
    ],
)
@pytest.mark.parametrize("suffix", [".gz", ""])
def test_damaged_files_are_refused(published, pairs, file, change, message, suffix):
    root = write(published, pairs, suffix, lambda n, c: change(c) if n == file else c)
    with pytest.raises(DamagedFileError, match=message):
        datasets.load("small_norb", root, valid_size=1)
    assert not list((published.root.parent / "keras").rglob("*.tmp"))


def test_size_must_divide_96(published, pairs):
    with pytest.raises(DataError, match="must divide 96"):
        datasets.load("small_norb", write(published, pairs), image_size=28)
