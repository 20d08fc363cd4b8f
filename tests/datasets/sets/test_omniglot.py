"""OMNIGLOT from `chardata.mat`, and rebuilt from the originals."""

import os
from pathlib import Path

import numpy as np
import pytest

from hiervae import datasets
from hiervae.errors import DamagedFileError


@pytest.fixture
def characters(rng):
    return {"": rng.random((9, 28, 28)).astype(np.float32), "test": rng.random((4, 28, 28))}


def write(published, characters, name="chardata.mat", **changes):
    variables = {}
    for prefix, images in characters.items():
        alphabets = np.arange(len(images)) % 50
        variables[f"{prefix}data"] = images.transpose(0, 2, 1).reshape(-1, 784).T
        variables[f"{prefix}target"] = np.eye(50, dtype=np.uint8)[alphabets].T
        variables[f"{prefix}targetchar"] = np.ones((1, len(images)), np.uint8)
    published.write("omniglot", name, published.matlab(**(variables | changes)))
    return published.root


@pytest.mark.parametrize(
    ("name", "file"),
    [("omniglot", "chardata.mat"), ("omniglot_rebuilt", "omniglot_28x28_rebuilt.mat")],
)
def test_columns_become_upright_images(published, characters, name, file):
    root = write(published, characters, file)
    data = datasets.load(name, root, binarisation="none", valid_size=2, split_seed=None)
    np.testing.assert_allclose(data.train, characters[""][:7], rtol=1e-6)
    np.testing.assert_allclose(data.valid, characters[""][7:], rtol=1e-6)
    np.testing.assert_allclose(data.test, characters["test"], rtol=1e-6)
    np.testing.assert_array_equal(data.train_labels, np.arange(7))


def test_default_rule_is_dynamic_with_a_shuffled_division(published, characters):
    root = write(published, characters)
    data = datasets.load("omniglot", root, valid_size=2)
    assert data.info.binarisation == "dynamic"
    assert set(np.unique(data.valid)) == set(np.unique(data.test)) == {0.0, 1.0}
    np.testing.assert_allclose(data.train, characters[""][data.train_labels], rtol=1e-6)
    assert (data.train_labels != np.arange(7)).any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": np.full((784, 9), 1.5)}, r"outside \[0, 1\]"),
        ({"data": np.full((784, 9), np.nan)}, r"outside \[0, 1\]"),
        ({"data": np.zeros((784, 8))}, "not as long"),
        ({"testdata": np.zeros((785, 4))}, "expected numbers of shape"),
    ],
)
def test_other_content_is_refused(published, characters, changes, message):
    with pytest.raises(DamagedFileError, match=message):
        datasets.load("omniglot", write(published, characters, **changes), valid_size=1)


def originals(published, images, first_id, alphabets):
    """A zip as published: white paper, black ink, one bit a pixel."""
    members = {}
    name = {1: "images_background"}.get(first_id, "images_evaluation")
    for number, (alphabet, drawings) in enumerate(zip(alphabets, images, strict=True)):
        for drawer, ink in enumerate(drawings):
            file = f"character{number + 1:02}/{first_id + number:04}_{drawer + 1:02}.png"
            members[f"{name}/{alphabet}/{file}"] = published.picture(~ink)
    published.write("omniglot", f"{name}.zip", published.zip(members))


def test_rebuilds_from_the_originals_by_area_averaging(published, rng):
    ink = rng.random((3, 20, 105, 105)) < 0.3
    originals(published, ink[:2], 1, ["Greek", "Latin"])
    originals(published, ink[2:], 3, ["Futurama"])
    data = datasets.load(
        "omniglot_rebuilt",
        published.root,
        binarisation="none",
        valid_size=1,
        split_seed=None,
    )
    # 105 / 28 = 15 / 4: four times finer pixels are averaged in blocks of fifteen.
    fine = np.kron(ink, np.ones((4, 4))).reshape(3, 20, 28, 15, 28, 15)
    expected = np.rint(fine.mean(axis=(3, 5)) * 255.0) / 255.0
    train = np.concatenate([data.train, data.valid])
    np.testing.assert_allclose(train, expected[:, :15].reshape(45, 28, 28), atol=1e-6)
    np.testing.assert_allclose(data.test, expected[:, 15:].reshape(15, 28, 28), atol=1e-6)
    np.testing.assert_array_equal(data.test_labels, np.repeat([0, 1, 2], 5))
    assert set(data.info.checksums) == {"images_background.zip", "images_evaluation.zip"}


def test_the_rebuilt_set_is_cached(published, rng, monkeypatch):
    from hiervae.datasets.sets import omniglot_rebuilt

    ink = rng.random((2, 20, 105, 105)) < 0.3
    originals(published, ink[:1], 1, ["Greek"])
    originals(published, ink[1:], 2, ["Futurama"])
    first = datasets.load("omniglot_rebuilt", published.root, valid_size=1)
    monkeypatch.setattr(omniglot_rebuilt, "read_originals", None)
    again = datasets.load("omniglot_rebuilt", published.root, valid_size=1)
    np.testing.assert_array_equal(first.train, again.train)


def test_originals_in_the_named_folder_come_before_a_rebuilt_set_elsewhere(
    published, characters, rng, tmp_path, monkeypatch
):
    ink = rng.random((2, 20, 105, 105)) < 0.3
    originals(published, ink[:1], 1, ["Greek"])
    originals(published, ink[1:], 2, ["Futurama"])
    later = type(published)(tmp_path / "later")
    monkeypatch.setenv("HIERVAE_DATA", str(later.root))
    write(later, characters, "omniglot_28x28_rebuilt.mat")
    data = datasets.load("omniglot_rebuilt", published.root, valid_size=1)
    assert set(data.info.checksums) == {"images_background.zip", "images_evaluation.zip"}
    (published.root / "omniglot" / "images_evaluation.zip").unlink()
    data = datasets.load("omniglot_rebuilt", published.root, valid_size=1)
    assert set(data.info.checksums) == {"omniglot_28x28_rebuilt.mat"}
    write(published, characters, "omniglot_28x28_rebuilt.mat")
    data = datasets.load("omniglot_rebuilt", published.root, valid_size=1)
    assert set(data.info.checksums) == {"omniglot_28x28_rebuilt.mat"}


def test_a_missing_drawing_is_refused(published, rng):
    originals(published, rng.random((1, 19, 105, 105)) < 0.3, 1, ["Greek"])
    originals(published, rng.random((1, 20, 105, 105)) < 0.3, 2, ["Latin"])
    with pytest.raises(DamagedFileError, match="19 drawings of 1 characters"):
        datasets.load("omniglot_rebuilt", published.root)


@pytest.mark.data
def test_real_rebuilt_file():
    data = datasets.load("omniglot_rebuilt", binarisation="none", split_seed=None)
    train = np.concatenate([data.train, data.valid])
    assert train.shape == (24_345, 28, 28)
    assert data.test.shape == (8_115, 28, 28)
    assert train.mean(dtype=np.float64) == pytest.approx(0.080758, abs=1e-6)
    assert data.test.mean(dtype=np.float64) == pytest.approx(0.079782, abs=1e-6)
    assert len(np.unique(data.test_labels)) == 50


@pytest.mark.data
def test_rebuilding_real_originals_gives_the_real_rebuilt_file(published, monkeypatch):
    folder = Path(os.environ["HIERVAE_DATA"]) / "omniglot"
    with np.load(folder / "images_background.npz") as archive:
        paper = archive["images"][:3]
    originals(published, ~paper[:2], 1, ["Alphabet_of_the_Magi"] * 2)
    originals(published, ~paper[2:], 3, ["Atlantean"])
    real = datasets.load("omniglot_rebuilt", binarisation="none", split_seed=None)
    monkeypatch.delenv("HIERVAE_DATA")
    rebuilt = datasets.load(
        "omniglot_rebuilt",
        published.root,
        binarisation="none",
        valid_size=1,
        split_seed=None,
        verify=False,
    )
    np.testing.assert_array_equal(rebuilt.train, real.train[:44])
    np.testing.assert_array_equal(rebuilt.test, real.test[:15])
