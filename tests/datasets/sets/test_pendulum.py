"""The pendulum: geometry against elementary trigonometry, determinism, sizes, speed."""

import math
import time

import numpy as np
import pytest
from scipy import stats

from hiervae import datasets
from hiervae.datasets.sets import pendulum
from hiervae.errors import DataError


def test_default_shapes_and_range():
    data = datasets.load("pendulum")
    assert data.train.shape == (15_000, 16, 16)
    assert data.valid.shape == data.test.shape == (1_500, 16, 16)
    assert data.train.dtype == np.float32
    assert data.train.min() == 0.0
    assert 0.9 < data.train.max() <= 1.0
    assert data.train_labels.shape == (15_000,)
    assert data.info.event_shape == (16, 16)
    assert data.info.options["num_images"] == 15_000


def test_angles_are_uniform():
    angles = datasets.load("pendulum").train_labels
    assert angles.min() >= 0.0
    assert angles.max() < 2.0 * math.pi
    assert stats.kstest(angles, stats.uniform(0.0, 2.0 * math.pi).cdf).pvalue > 0.01


def test_labels_belong_to_images():
    data = datasets.load("pendulum", num_images=20, valid_size=3, test_size=2)
    for split in ("train", "valid", "test"):
        drawn = datasets.render_pendulum(getattr(data, f"{split}_labels"))
        np.testing.assert_array_equal(drawn, getattr(data, split))


@pytest.mark.parametrize(
    ("angle", "direction"),
    [(0.0, (1, 0)), (math.pi / 2, (0, 1)), (math.pi, (-1, 0)), (3 * math.pi / 2, (0, -1))],
)
def test_bob_is_where_the_angle_says(angle, direction):
    image = datasets.render_pendulum(angle, 64)
    rows, columns = np.nonzero(image > 0.95)
    centre = np.array([rows.mean(), columns.mean()]) - 31.5
    np.testing.assert_allclose(centre, pendulum.ROD_LENGTH * 32 * np.array(direction), atol=0.5)


def test_bob_has_the_documented_area():
    image = datasets.render_pendulum(1.0, 1024)
    area = (image > (1.0 + pendulum.ROD_GREY) / 2.0).mean() * 4.0
    assert area == pytest.approx(math.pi * pendulum.BOB_RADIUS**2, rel=0.02)


def test_all_angles_differ_and_neighbours_are_near():
    images = datasets.render_pendulum(np.arange(180) * (2 * math.pi / 180)).reshape(180, -1)
    distance = np.linalg.norm(images[:, None] - images[None], axis=-1)
    step = np.abs((np.arange(180)[:, None] - np.arange(180)[None] + 90) % 180 - 90)
    assert distance[step == 1].max() < 0.5
    assert distance[step >= 6].min() > 3 * distance[step == 1].max()


def test_seed_decides():
    first, again = (datasets.load("pendulum", num_images=50, seed=3) for _ in range(2))
    other = datasets.load("pendulum", num_images=50, seed=4)
    np.testing.assert_array_equal(first.train, again.train)
    assert first.info.checksum == again.info.checksum != other.info.checksum
    assert first.info.checksum.startswith("sha256:")


def test_flatten_and_image_size():
    data = datasets.load("pendulum", num_images=5, image_size=8, flatten=True)
    assert data.train.shape == (5, 64)
    assert data.info.event_shape == (64,)


@pytest.mark.parametrize(
    "options",
    [
        {"num_images": 0},
        {"valid_size": -1},
        {"num_images": 10**9},
        {"image_size": 2},
        {"image_size": 100_000},
    ],
)
def test_sizes_out_of_range_are_refused(options):
    with pytest.raises(DataError, match=r"images|image_size"):
        datasets.load("pendulum", **options)


def test_speed():
    started = time.process_time()
    datasets.load("pendulum")
    assert time.process_time() - started < 2.0
