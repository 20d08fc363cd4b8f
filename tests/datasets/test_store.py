"""What a file must be before it is read: the published one, where its checksum is known."""

import gzip
import hashlib
from dataclasses import replace

import numpy as np
import pytest

from hiervae import datasets
from hiervae.datasets.dataset import RemoteFile
from hiervae.datasets.sets import mnist, static_mnist
from hiervae.datasets.store import FileStore
from hiervae.errors import DamagedFileError, DataError, DatasetNotFoundError

CONTENT = b"published\n" * 50
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()

pytestmark = pytest.mark.usefixtures("published_checksums")


def store(folder, **facts):
    options = {name: facts.pop(name) for name in ("verify", "owner") if name in facts}
    remote = RemoteFile("a.bin", num_bytes=len(CONTENT), alternatives=("a.bin.gz", "b"), **facts)
    return FileStore(replace(static_mnist.INFO, files=(remote,)), folder, **options)


@pytest.mark.parametrize("facts", [{"sha256": SHA256}, {"md5": MD5}, {}])
@pytest.mark.parametrize("name", ["a.bin", "a.bin.gz"])
def test_the_published_file_is_taken(tmp_path, facts, name):
    content = gzip.compress(CONTENT) if name.endswith(".gz") else CONTENT
    (tmp_path / name).write_bytes(content)
    used = store(tmp_path, **facts)
    assert used.require("a.bin") == tmp_path / name
    assert used.checksums == {name: hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize(
    ("facts", "expected"), [({"sha256": SHA256}, f"sha256 {SHA256}"), ({"md5": MD5}, f"md5 {MD5}")]
)
@pytest.mark.parametrize("name", ["a.bin", "a.bin.gz"])
def test_another_file_is_refused(tmp_path, facts, expected, name):
    other = CONTENT.replace(b"published", b"something", 1)
    (tmp_path / name).write_bytes(gzip.compress(other) if name.endswith(".gz") else other)
    received = hashlib.new(expected.split()[0], other).hexdigest()
    with pytest.raises(DamagedFileError, match=f"expected 500 bytes, {expected}") as caught:
        store(tmp_path, urls=("http://there/a.bin",), **facts).require("a.bin")
    for part in (str(tmp_path / name), received, "http://there/a.bin", "verify=False"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert store(tmp_path, verify=False, **facts).require("a.bin") == tmp_path / name


@pytest.mark.parametrize("name", ["absent", "file"])
def test_a_named_folder_must_exist(tmp_path, monkeypatch, name):
    """Or another one would be read in its place, without a word."""
    (tmp_path / "file").touch()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a.bin").write_bytes(CONTENT)
    monkeypatch.setenv("HIERVAE_DATA", str(tmp_path / "there"))
    for look in (store, datasets.status, lambda folder: datasets.load("static_mnist", folder)):
        with pytest.raises(DatasetNotFoundError, match="where there is no folder"):
            look(tmp_path / name)
    assert store(None).require("a.bin") == tmp_path / "there" / "a.bin"
    monkeypatch.setenv("HIERVAE_DATA", str(tmp_path / "nowhere"))
    assert store(tmp_path / "there").require("a.bin") == tmp_path / "there" / "a.bin"
    assert FileStore(static_mnist.INFO, tmp_path / "absent", download=True)


def test_each_place_is_searched_for_all_names_before_the_next(tmp_path, monkeypatch):
    """Or the file of a later root would be read in place of one in the folder that was named."""
    given, later = tmp_path / "given", tmp_path / "later"
    (given / "static_mnist").mkdir(parents=True)
    later.mkdir()
    monkeypatch.setenv("HIERVAE_DATA", str(later))
    (later / "a.bin").write_bytes(b"in a later root")
    for place in (given / "b", given / "static_mnist" / "b", given / "static_mnist" / "a.bin"):
        place.write_bytes(b"in the folder that was named")
        assert store(given).require("a.bin") == place
        (given / "a.bin").write_bytes(b"beside the set's own folder")
        first = given / "a.bin" if place.parent == given else place
        assert store(given).require("a.bin") == first
        (given / "a.bin").unlink()


def test_the_list_names_the_file_that_is_loaded(tmp_path, monkeypatch):
    given, later = tmp_path / "given", tmp_path / "later"
    for folder in (given, later):
        folder.mkdir()
    monkeypatch.setenv("HIERVAE_DATA", str(later))
    (given / "freyfaces.pkl").write_bytes(b"1")
    (later / "frey_rawface.mat").write_bytes(b"22")
    row = next(row for row in datasets.status(given) if row.name == "frey_faces")
    assert (row.path, row.num_bytes) == (str(given), 1)


def test_content_without_a_known_checksum_is_taken(tmp_path):
    (tmp_path / "b").write_bytes(b"an alternative")
    assert store(tmp_path, sha256=SHA256).require("a.bin") == tmp_path / "b"
    (tmp_path / "a.bin").mkdir()
    assert store(tmp_path, sha256=SHA256).locate("a.bin") == tmp_path / "a.bin"
    with pytest.raises(DataError, match="it is a folder; expected a file"):
        store(tmp_path, sha256=SHA256).require("a.bin")


def test_the_file_of_another_set_is_named(tmp_path, monkeypatch, published):
    folder = tmp_path / "fashion_mnist"
    folder.mkdir()
    content = gzip.compress(published.idx(np.zeros((2, 28, 28))))
    (folder / "train-images-idx3-ubyte.gz").write_bytes(content)
    files = (replace(mnist.INFO.files[0], sha256=hashlib.sha256(content).hexdigest()),)
    monkeypatch.setattr(mnist, "INFO", replace(mnist.INFO, files=files))
    with pytest.raises(DataError, match=r"for 'fashion_mnist' is the one of 'mnist'"):
        datasets.load("fashion_mnist", tmp_path)


def test_verify_is_an_option_of_each_published_set(tmp_path, published):
    for split in ("train", "valid", "test"):
        content = published.amat(np.ones((2, 784), int))
        (tmp_path / f"binarized_mnist_{split}.amat").write_bytes(content)
    with pytest.raises(DamagedFileError, match="not the published file"):
        datasets.load("static_mnist", tmp_path)
    data = datasets.load("static_mnist", tmp_path, verify=False)
    assert data.info.options == {"valid_size": None, "verify": False}
    with pytest.raises(DataError, match="has no option 'verify'"):
        datasets.load("pendulum", verify=False)
    with pytest.raises(DataError, match="verify='no'; expected bool"):
        datasets.load("static_mnist", tmp_path, verify="no")
