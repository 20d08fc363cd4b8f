"""CelebA from its archive and lists."""

import numpy as np
import pytest

from hiervae import datasets
from hiervae.errors import DamagedFileError, DatasetNotFoundError


@pytest.fixture
def pictures(rng):
    """Smooth colours, which JPEG keeps well."""
    colours = rng.integers(40, 216, (6, 1, 1, 3)).astype(np.uint8)
    return np.broadcast_to(colours, (6, 218, 178, 3))


@pytest.fixture
def write(published, pictures):
    def _write(folder=False, partition=(0, 0, 0, 0, 1, 2), attributes=True):
        names = [f"{number:06}.jpg" for number in range(1, 7)]
        files = {
            f"img_align_celeba/{name}": published.picture(np.asarray(picture), "JPEG", quality=95)
            for name, picture in zip(names, pictures, strict=True)
        }
        if folder:
            for name, content in files.items():
                published.write("celeba", name, content)
        else:
            published.write("celeba", "img_align_celeba.zip", published.zip(files))
        lines = [f"{name} {split}\n" for name, split in zip(names, partition, strict=True)]
        published.write("celeba", "list_eval_partition.txt", "".join(reversed(lines)).encode())
        if attributes:
            head = "6\n" + " ".join(f"attribute{number}" for number in range(40)) + "\n"
            rows = [
                f"{name}  " + " ".join(["1" if k == i else "-1" for k in range(40)]) + "\r\n"
                for i, name in enumerate(names)
            ]
            published.write("celeba", "list_attr_celeba.txt", (head + "".join(rows)).encode())
        return published.root

    return _write


@pytest.mark.parametrize("folder", [False, True])
def test_pictures_are_decoded_lazily(write, pictures, folder):
    data = datasets.load("celeba", write(folder), batch_size=3)
    assert data.train.shape == (4, 64, 64, 3)
    assert data.info.sizes == {"train": 4, "valid": 1, "test": 1}
    decoded = data.train.read(slice(None))
    expected = pictures[:4, :64, :64] / 255.0
    np.testing.assert_allclose(decoded, expected, atol=0.02)
    np.testing.assert_allclose(np.asarray(data.test)[0], pictures[5, :64, :64] / 255.0, atol=0.02)
    np.testing.assert_array_equal(data.train_labels, np.eye(6, 40, dtype=int)[:4])
    assert data.info.label_names[39] == "attribute39"
    assert data.info.checksum.startswith("listing-sha256:")


def test_without_attributes_and_in_memory(write):
    data = datasets.load("celeba", write(attributes=False), lazy=False, image_size=8, crop=None)
    assert data.train.shape == (4, 8, 8, 3)
    assert data.train.dtype == np.float32
    assert data.train_labels is None


@pytest.mark.parametrize("name", ["celeba", "chairs"])
def test_the_checksum_in_memory_covers_what_was_read(write, published, name):
    def checksum(value, lazy):
        view = f"{0:032x}/renders/image_000_p020_t011_r096.png"
        files = ["000001.jpg"] if name == "celeba" else [view, view.replace("0/", "1/")]
        for file in files:
            pixels = np.full((400, 400, 3), value, np.uint8)
            folder = f"{name}/{'img_align_celeba' if name == 'celeba' else 'rendered_chairs'}"
            published.write(folder, file, published.picture(pixels, "BMP"))
        options = {} if name == "celeba" else {"valid_fraction": 0, "test_fraction": 0}
        return datasets.load(name, published.root, lazy=lazy, **options).info.checksum

    write(folder=True)
    assert checksum(1, lazy=True) == checksum(2, lazy=True)
    assert checksum(1, lazy=False) != checksum(2, lazy=False)


def test_crop_is_centred(published, write):
    root = write()
    picture = np.zeros((218, 178, 3), np.uint8)
    picture[35:183, 15:163] = 200
    files = {f"x/{n:06}.jpg": published.picture(picture, "JPEG", quality=95) for n in range(1, 7)}
    published.write("celeba", "img_align_celeba.zip", published.zip(files))
    data = datasets.load("celeba", root, lazy=False, image_size=148)
    assert data.train[:, 4:-4, 4:-4].min() > 0.7


@pytest.mark.parametrize(
    ("partition", "message"),
    [((0, 0, 0, 0, 0, 3), "expected 0, 1 or 2"), ((0, 0, 0, 0, 0, "x"), "integers")],
)
def test_damaged_lists_are_refused(write, partition, message):
    with pytest.raises(DamagedFileError, match=message):
        datasets.load("celeba", write(partition=partition))


def test_a_picture_that_is_no_picture_is_named(write, published):
    root = write()
    files = {f"x/{number:06}.jpg": b"\xff\xd8\xff not a picture" for number in range(1, 7)}
    published.write("celeba", "img_align_celeba.zip", published.zip(files))
    data = datasets.load("celeba", root)
    with pytest.raises(DamagedFileError, match=r"000001\.jpg is no readable picture"):
        data.train.read([0])


def test_the_missing_archive_names_its_terms(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="non-commercial") as caught:
        datasets.load("celeba", tmp_path, download=True)
    assert "cannot be downloaded automatically" in str(caught.value)
