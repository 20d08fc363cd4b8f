"""Animated GIFs of skeletons."""

import numpy as np
import pytest

from hiervae.datasets.motion import Bone, Skeleton, save_animation
from hiervae.errors import DataError

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def skeleton():
    def bone(name, parent, direction):
        return Bone(name, parent, np.array(direction, float), 1.0, np.eye(3), ())

    bones = (bone("root", -1, [0, 0, 0]), bone("lleg", 0, [0, -1, 0]), bone("head", 0, [0, 1, 0]))
    return Skeleton(bones, np.zeros(3), 0.45)


@pytest.fixture
def positions():
    joints = np.zeros((4, 3, 3))
    joints[:, 1, 1], joints[:, 2, 1] = -1.0, 1.0
    joints[:, 2, 0] = [0.0, 0.2, 0.4, 0.6]
    return joints


def test_writes_frames(tmp_path, skeleton, positions):
    path = save_animation(
        skeleton, positions, tmp_path / "a.gif", frame_rate=25, size=64, azimuth=0
    )
    with Image.open(path) as image:
        assert image.n_frames == 4
        assert image.size == (64, 64)
        assert image.info["duration"] == 40
        assert image.info["loop"] == 0
        picture = np.asarray(image.convert("RGB")).astype(int)
    blue = picture[..., 2] - picture[..., 0] > 60
    dark = (picture.sum(axis=-1) < 600) & ~blue
    assert blue[32:].any()
    assert not blue[:30].any()
    assert dark[:30].any()
    assert [file.name for file in tmp_path.iterdir()] == ["a.gif"]


def test_following_keeps_the_root_in_place(tmp_path, skeleton, positions):
    still = positions.copy()
    still[:, 2, 0] = 0.0
    moving = still + np.arange(4)[:, None, None] * [1.0, 0.0, 0.0]
    frames = {}
    for name, joints, follow in (
        ("a", still, True),
        ("b", moving, True),
        ("c", moving, False),
    ):
        path = save_animation(skeleton, joints, tmp_path / f"{name}.gif", size=64, follow=follow)
        with Image.open(path) as image:
            image.seek(image.n_frames - 1)
            frames[name] = np.asarray(image.convert("L"))
    np.testing.assert_array_equal(frames["a"], frames["b"])
    assert (frames["a"] != frames["c"]).any()


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (lambda p: p[:, :2], {}),
        (lambda p: p[:0], {}),
        (lambda p: p, {"frame_rate": 0}),
        (lambda p: p, {"size": 5}),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, skeleton, positions, change, options):
    with pytest.raises(DataError, match="expected"):
        save_animation(skeleton, change(positions), tmp_path / "a.gif", **options)


def test_a_place_that_cannot_be_written_is_named(tmp_path, skeleton, positions):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.gif cannot be written"):
        save_animation(skeleton, positions, tmp_path / "file" / "a.gif")
