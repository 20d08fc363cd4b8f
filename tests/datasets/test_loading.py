"""The entrance: names, options, lookup order, what is recorded."""

import json
from pathlib import Path

import numpy as np
import pytest

from hiervae import datasets
from hiervae.datasets.loading import complete_options
from hiervae.errors import DataError, DatasetNotFoundError


def write_static_mnist(published, root, value):
    for split in ("train", "valid", "test"):
        path = Path(root) / f"binarized_mnist_{split}.amat"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(published.amat(np.full((2, 784), value)))


def test_lookup_order(published, tmp_path, monkeypatch):
    given, variable, cache = tmp_path / "given", tmp_path / "variable", tmp_path / "keras"
    given.mkdir()
    monkeypatch.setenv("HIERVAE_DATA", str(variable))
    keras_files = cache / "datasets"
    write_static_mnist(published, keras_files / "static_mnist", 0)
    assert datasets.load("static_mnist", given).train.max() == 0
    write_static_mnist(published, keras_files / "hiervae" / "static_mnist", 1)
    assert datasets.load("static_mnist", given).train.max() == 1
    write_static_mnist(published, variable, 0)
    assert datasets.load("static_mnist", given).train.max() == 0
    write_static_mnist(published, given, 1)
    assert datasets.load("static_mnist", given).train.max() == 1
    write_static_mnist(published, given / "binarized_mnist", 0)
    assert datasets.load("static_mnist", str(given)).train.max() == 0


@pytest.mark.parametrize(
    ("name", "nearest"), [("pendulm", "pendulum"), ("staticmnist", "static_mnist"), ("SVHN", None)]
)
def test_unknown_names_get_the_nearest(name, nearest):
    with pytest.raises(DatasetNotFoundError) as caught:
        datasets.load(name)
    assert all(known in str(caught.value) for known in datasets.names())
    assert (f"Did you mean {nearest!r}?" in str(caught.value)) == (nearest is not None)


def test_an_empty_name_is_not_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"name of the data set is empty; expected .*pendulum"):
        datasets.load("")
    with pytest.raises(DataError, match="holds no pictures"):
        datasets.load(".")


def test_a_file_of_another_kind_is_no_data_set(tmp_path):
    (tmp_path / "own.csv").write_text("1,2\n")
    with pytest.raises(DataError, match=r"own\.csv is no data set: expected a \.npy"):
        datasets.load(tmp_path / "own.csv")


def test_unknown_options_list_the_known():
    with pytest.raises(DataError, match=r"no option 'num_image'; its options are: num_images, "):
        datasets.load("pendulum", num_image=3)
    with pytest.raises(DataError, match="its options are: valid_size, verify"):
        datasets.load("static_mnist", seed=3)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("pendulum", {"num_images": "3"}, "num_images='3'; expected int, such as num_images=15000"),
        ("pendulum", {"num_images": 3.5}, "expected int"),
        ("pendulum", {"num_images": True}, "expected int"),
        ("pendulum", {"flatten": 1}, "expected bool"),
        ("static_mnist", {"extra": 1}, "no option 'extra'"),
        ("mnist", {"binarisation": "some"}, "expected one of 'none', 'static', 'dynamic'"),
        ("chairs", {"image_size": "x"}, "expected int"),
        ("cmu_mocap", {"recordings": 3}, "expected .*Mapping"),
        (".", {"valid_fraction": "x"}, "expected float"),
        (".", {"crop": "x"}, "expected int | None"),
        (".", {"image_size": "x"}, r"expected int \| tuple\[int, int\], such as image_size=64"),
        (".", {"image_size": [8]}, r"image_size=\[8\]; expected int \| tuple\[int, int\]"),
        (".", {"image_size": [8, 8, 3]}, r"expected int \| tuple\[int, int\]"),
        (".", {"image_size": [8, "8"]}, r"image_size=\[8, '8'\]; expected int"),
        (".", {"image_size": (8, True)}, "expected int"),
        (".", {"colour": np.int64(1)}, "expected bool"),
        ("cmu_mocap", {"recordings": {"walk": 3}}, r"expected Mapping\[str, list\[str\]\] \| None"),
        ("cmu_mocap", {"recordings": {"walk": "02_01"}}, r"'02_01'}; expected Mapping\[str, list"),
        ("cmu_mocap", {"recordings": {"walk": [201]}}, "expected Mapping"),
        ("cmu_mocap", {"recordings": {1: ["02_01"]}}, "expected Mapping"),
    ],
)
def test_options_of_a_wrong_type_are_refused(name, options, message):
    with pytest.raises(DataError, match=message):
        datasets.load(name, **options)


def test_options_of_each_type_are_taken():
    assert complete_options(".", {"image_size": [3, 4]})["image_size"] == [3, 4]
    assert complete_options(".", {"image_size": np.int64(3), "crop": None})["crop"] is None
    assert complete_options(".", {"valid_fraction": 0})["valid_fraction"] == 0
    assert complete_options(".", {"image_size": (np.int8(3), 4)})["image_size"] == (3, 4)
    assert complete_options(".", {"colour": np.False_})["colour"] is False
    assert type(complete_options(".", {"seed": np.int64(3)})["seed"]) is int
    assert complete_options("mnist", {"binarisation": "static"})["binarisation"] == "static"
    assert complete_options("cmu_mocap", {"recordings": {"train": ["02_01"]}})["recordings"]


def test_all_options_are_recorded():
    info = datasets.load("pendulum", num_images=3, valid_size=0, test_size=0).info
    assert dict(info.options) == {
        "num_images": 3,
        "valid_size": 0,
        "test_size": 0,
        "image_size": 16,
        "flatten": False,
        "seed": 0,
    }
    assert json.loads(json.dumps(info.as_dict()))["options"]["num_images"] == 3


@pytest.mark.parametrize("name", datasets.names())
def test_every_catalogue_entry_is_complete(name):
    info = datasets.describe(name)
    assert info.name == name
    for field in ("title", "source", "licence", "citation"):
        assert getattr(info, field)
    assert info.likelihood in ("bernoulli", "gaussian", "discretized_logistic")
    assert info.binarisation in ("none", "static", "dynamic")
    assert set(info.sizes) <= {"train", "valid", "test"}
    assert info.checksum is None
    for remote in info.files:
        assert remote.sha256 is None or len(remote.sha256) == 64
        assert remote.md5 is None or len(remote.md5) == 32
    json.dumps(info.as_dict())


def test_a_dataset_is_shown_in_one_line():
    data = datasets.load("pendulum", num_images=3, valid_size=2, test_size=1)
    assert repr(data) == "Dataset('pendulum', event_shape=(16, 16), train=3, valid=2, test=1)"


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "frey_rawface.mat").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        datasets.load("frey_faces", tmp_path)


def test_status_tells_what_is_present(published, tmp_path):
    root = tmp_path / "given"
    write_static_mnist(published, root / "binarized_mnist", 1)
    (root / "binarized_mnist" / "binarized_mnist_test.amat").unlink()
    rows = {row.name: row for row in datasets.status(root)}
    assert tuple(rows) == datasets.names()
    assert rows["pendulum"].present
    assert not rows["static_mnist"].present
    assert rows["static_mnist"].missing == ("binarized_mnist_test.amat",)
    assert rows["static_mnist"].path == str(root / "binarized_mnist")
    assert rows["static_mnist"].num_bytes == 2 * 2 * 1568
    write_static_mnist(published, root, 1)
    row = {row.name: row for row in datasets.status(root)}["static_mnist"]
    assert row.present
    assert row.num_examples == 70_000
    assert json.loads(json.dumps(row.as_dict()))["event_shape"] == [28, 28]
