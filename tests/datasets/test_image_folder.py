"""The user's own pictures, and the folder of rendered faces."""

import hashlib
import json
import os
import shutil
import zlib

import numpy as np
import pytest

from hiervae import datasets
from hiervae.datasets.readers.pictures import PictureFormat
from hiervae.datasets.sources import EncodedPictures
from hiervae.errors import DamagedFileError, DataError, DatasetNotFoundError


def save(published, name, value=100, shape=(10, 12), **options):
    published.write("pictures", name, published.picture(np.full(shape, value, np.uint8), **options))


def test_divides_at_random(published):
    for number in range(10):
        save(published, f"{number}.png", number)
    data = datasets.load(published.root / "pictures", image_size=4, colour=False, seed=1)
    assert data.train.shape == (8, 4, 4)
    values = np.concatenate([data.train, data.valid, data.test])[:, 0, 0] * 255
    assert sorted(np.rint(values)) == list(range(10))
    assert data.train_labels is None
    assert data.info.name == "pictures"


def test_split_folders_and_classes(published):
    for split, value in (("train", 10), ("valid", 20), ("test", 30)):
        for kind in ("cat", "dog"):
            save(published, f"{split}/{kind}/a.png", value)
    data = datasets.load(published.root / "pictures", image_size=(6, 5))
    assert data.train.shape == data.test.shape == (2, 6, 5, 3)
    np.testing.assert_allclose(data.valid, 20 / 255, atol=1e-6)
    np.testing.assert_array_equal(data.test_labels, [0, 1])
    assert data.info.label_names == ("cat", "dog")


@pytest.mark.parametrize("valid", ["valid", "val", "validation", "Val", "dev"])
@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("Training", "testing")])
def test_names_of_split_folders(published, train, valid, test):
    for folder, value in ((train, 10), (valid, 20), (test, 30)):
        save(published, f"{folder}/a.png", value)
    data = datasets.load(published.root / "pictures", image_size=4, colour=False)
    values = [part[:, 0, 0] * 255 for part in (data.train, data.valid, data.test)]
    np.testing.assert_allclose(values, [[10], [20], [30]], rtol=1e-6)


@pytest.mark.parametrize("size", [np.int64(6), [6, 6], (np.int32(6), np.uint8(6))])
def test_sizes_of_numpys_types(published, size):
    for number in range(10):
        save(published, f"{number}.png")
    data = datasets.load(published.root / "pictures", image_size=size, colour=np.False_)
    assert data.train.shape == (8, 6, 6)
    assert json.loads(json.dumps(data.info.as_dict()))["options"]["colour"] is False


@pytest.mark.parametrize("name", ["valid_fraction", "test_fraction"])
def test_fractions_beside_split_folders(published, name):
    save(published, "train/a.png")
    with pytest.raises(DataError, match=f"{name} is 2; it must be at least 0 and below 1"):
        datasets.load(published.root / "pictures", **{name: 2})
    with pytest.warns(UserWarning, match=f"{name}=0.5 has no effect: the folders 'train' are"):
        data = datasets.load(published.root / "pictures", image_size=4, **{name: 0.5})
    assert data.info.sizes == {"train": 1, "valid": 0, "test": 0}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train/a.png", "held_out/b.png"], r"pictures outside \(1\), such as 'held_out/b\.png'"),
        (["train/a.png", "b.png"], r"pictures outside \(1\), such as 'b\.png'"),
        (["train/a.png", "val/b.png", "valid/c.png"], "'val' and 'valid', which both mean the val"),
        (["Train/.a.png", "val/b.png"], "'Train', 'val', but no pictures for training"),
        (["test/a.png"], "'test', but no pictures for training"),
        (["train/.a.png"], "holds no pictures"),
    ],
)
def test_pictures_of_no_split_are_refused(published, names, message):
    for name in names:
        save(published, name)
    with pytest.raises(DataError, match=message):
        datasets.load(published.root / "pictures", image_size=4)


def test_hidden_files_and_other_kinds_are_left_out(published):
    save(published, "train/a.png")
    for name in ("._a.png", ".b.png", ".DS_Store", "Thumbs.db", ".cache/c.png", "__MACOSX/d.png"):
        published.write("pictures", f"train/{name}", b"no picture")
        published.write("pictures", name, b"no picture")
    data = datasets.load(published.root / "pictures", image_size=4)
    assert data.info.sizes == {"train": 1, "valid": 0, "test": 0}
    archive = {"a.png": published.picture(np.zeros((4, 4), np.uint8)), "__MACOSX/._a.png": b"no"}
    path = published.write("archives", "a.zip", published.zip(archive))
    assert EncodedPictures(path, PictureFormat(4, 4)).names == ("a.png",)


def test_links_are_followed(published, tmp_path):
    for number in range(10):
        save(published, f"elsewhere/{number}.png", number)
    elsewhere = published.root / "pictures" / "elsewhere"
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "train").symlink_to(elsewhere)
    (linked / "test").mkdir()
    (linked / "test" / "a.png").symlink_to(elsewhere / "3.png")
    (tmp_path / "whole").symlink_to(linked)
    for folder in (linked, tmp_path / "whole"):
        data = datasets.load(folder, image_size=4, colour=False)
        assert data.info.sizes == {"train": 10, "valid": 0, "test": 1}
        assert data.test[0, 0, 0] * 255 == pytest.approx(3)
    (linked / "train" / "again").symlink_to(linked)
    with pytest.raises(DataError, match="again is a link to .*linked, a folder it lies in"):
        datasets.load(linked)
    (linked / "train" / "again").unlink()
    (linked / "train" / "b.png").symlink_to(tmp_path / "nothing.png")
    with pytest.raises(DataError, match=r"b\.png is a link to nothing"):
        datasets.load(linked)


def test_area_averaging_of_a_checkerboard(published):
    board = (np.indices((8, 8)).sum(axis=0) % 2 * 200).astype(np.uint8)
    for name in "abc":
        published.write("pictures", f"{name}.png", published.picture(board))
    data = datasets.load(published.root / "pictures", image_size=4, colour=False)
    np.testing.assert_allclose(data.train, 100 / 255, atol=1e-6)


def test_transparency_is_laid_over_white(published):
    pixels = np.zeros((4, 4, 4), np.uint8)
    published.write("pictures", "a.png", published.picture(pixels))
    data = datasets.load(
        published.root / "pictures", image_size=4, valid_fraction=0, test_fraction=0
    )
    np.testing.assert_array_equal(data.train, 1.0)


def test_pictures_of_sixteen_bits_are_refused(published):
    published.write("pictures", "a.png", published.picture(np.zeros((4, 4), np.uint16)))
    with pytest.raises(DamagedFileError, match=r"a\.png has pixels of mode"):
        datasets.load(published.root / "pictures", valid_fraction=0, test_fraction=0)


def test_a_giant_picture_is_refused_before_it_is_decoded(published):
    content = bytearray(published.picture(np.zeros((4, 4), np.uint8)))
    content[16:24] = (20_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    published.write("pictures", "a.png", bytes(content))
    with pytest.raises(DamagedFileError, match=r"a\.png"):
        datasets.load(published.root / "pictures", valid_fraction=0, test_fraction=0)


@pytest.mark.parametrize(
    "options",
    [
        {"image_size": 0},
        {"crop": 11},
        {"image_size": (4, 90_000)},
        {"lazy": True, "batch_size": 0},
        {"workers": 0},
    ],
)
def test_options_out_of_range_are_refused(published, options):
    save(published, "a.png")
    with pytest.raises(DataError):
        datasets.load(published.root / "pictures", valid_fraction=0, test_fraction=0, **options)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no pictures"):
        datasets.load(tmp_path)


@pytest.mark.parametrize("lazy", [False, True])
def test_the_checksum_covers_names_and_bytes(published, lazy, tmp_path):
    def checksum(folder=published.root / "pictures"):
        return datasets.load(folder, image_size=4, lazy=lazy).info.checksum

    def write(name, value):
        pixels = np.full((4, 4), value, np.uint8)
        published.write("pictures", name, published.picture(pixels, "BMP"))

    names = [f"{kind}/{number}.bmp" for kind in ("cat", "dog") for number in range(10)]
    for number, name in enumerate(names):
        write(name, number)
    first = checksum()
    files = {name: (published.root / "pictures" / name).read_bytes() for name in names}
    lines = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)]
    assert first == "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()
    assert len({len(content) for content in files.values()}) == 1
    copied = shutil.copytree(published.root / "pictures", tmp_path / "elsewhere")
    os.utime(copied / names[0], (1, 1))
    assert checksum(copied) == first
    write(names[3], 200)
    assert checksum() != first
    write(names[3], 3)
    assert checksum() == first
    (published.root / "pictures" / names[3]).rename(published.root / "pictures" / "dog" / "a.bmp")
    assert checksum() != first


def test_a_relative_folder_is_found_from_another_working_folder(published, tmp_path, monkeypatch):
    for number in range(10):
        save(published, f"{number}.png", number)
    monkeypatch.chdir(published.root)
    data = datasets.load("pictures", image_size=4, colour=False, lazy=True, seed=None)
    monkeypatch.chdir(tmp_path)
    np.testing.assert_allclose(data.train.read([7])[:, 0, 0] * 255, [7], rtol=1e-6)
    assert len(np.asarray(data.test)) == 1


def test_faces_are_a_folder_of_the_users(published):
    for number in range(10):
        content = published.picture(np.full((9, 9), 25 * number, np.uint8))
        published.write("faces_3d", f"{number}.png", content)
    data = datasets.load("faces_3d", published.root)
    assert data.train.shape == (8, 64, 64)
    assert data.info.name == "faces_3d"
    assert "personal licence" in data.info.licence


def test_missing_faces_explain_the_licence(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="personal licence agreement") as caught:
        datasets.load("faces_3d", tmp_path)
    assert f"put it at {tmp_path / 'faces_3d'}," in str(caught.value)
