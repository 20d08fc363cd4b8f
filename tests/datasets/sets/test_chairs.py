"""3D Chairs from the tar archive of renderings."""

import numpy as np
import pytest

from hiervae import datasets
from hiervae.errors import DamagedFileError, DataError


@pytest.fixture
def members(published):
    files = {}
    for chair in range(5):
        for view in range(2):
            picture = np.full((600, 600, 3), 20 * chair + view, np.uint8)
            name = f"image_{view:03}_p{20 + 10 * view:03}_t{11 * view:03}_r096.png"
            files[f"rendered_chairs/{chair:032x}/renders/{name}"] = published.picture(picture)
    return files


@pytest.mark.parametrize("folder", [False, True])
def test_views_of_a_chair_stay_together(published, members, folder):
    if folder:
        for name, content in members.items():
            published.write("chairs", name, content)
    else:
        files = {"rendered_chairs/readme.txt": b"", "rendered_chairs/all.png": b"x"} | members
        published.write("chairs", "rendered_chairs.tar", published.tar(files))
    data = datasets.load("chairs", published.root, valid_fraction=0.2, test_fraction=0.2)
    assert data.info.sizes == {"train": 6, "valid": 2, "test": 2}
    assert data.train.shape == (6, 64, 64)
    seen = [set(getattr(data, f"{split}_labels")[:, 0]) for split in ("train", "valid", "test")]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 5
    greys = np.rint(data.train.read(slice(None))[:, 32, 32] * 255)
    chair, turn, tilt = data.train_labels.T
    view = turn // 11
    np.testing.assert_array_equal(greys, 20 * chair + view)
    np.testing.assert_array_equal(tilt, 20 + 10 * view)


def test_a_damaged_archive_is_refused(published, members):
    content = published.tar(members)
    published.write("chairs", "rendered_chairs.tar", b"garbage" + content)
    with pytest.raises(DamagedFileError, match=r"rendered_chairs\.tar is damaged"):
        datasets.load("chairs", published.root)


def test_a_truncated_archive_is_refused(published, members):
    content = published.tar(members)
    published.write("chairs", "rendered_chairs.tar", content[: len(content) // 2 - 2000])
    with pytest.raises(DamagedFileError, match=r"rendered_chairs\.tar"):
        np.asarray(datasets.load("chairs", published.root).train)


def test_other_pictures_are_refused(published):
    content = published.tar({"a/b.png": published.picture(np.zeros((9, 9), np.uint8))})
    published.write("chairs", "rendered_chairs.tar", content)
    with pytest.raises(DataError, match="named as published"):
        datasets.load("chairs", published.root)


def test_members_that_lead_out_are_refused(published, members):
    content = published.tar(members | {"../../evil.png": b""})
    published.write("chairs", "rendered_chairs.tar", content)
    with pytest.raises(DamagedFileError, match="leads out"):
        datasets.load("chairs", published.root)
