"""CMU motion capture."""

import numpy as np
import pytest

from hiervae import datasets
from hiervae.datasets.motion import CMU_LAYOUT, expand_joint_angles, read_amc
from hiervae.datasets.sets.cmu_mocap import load_skeleton
from hiervae.errors import DataError, DatasetNotFoundError


def write(published, recording, values, layout=CMU_LAYOUT):
    lines = ["#!OML:ASF x", ":FULLY-SPECIFIED", ":DEGREES"]
    for number, frame in enumerate(values.tolist(), 1):
        lines.append(str(number))
        rest = iter(frame)
        for bone, count in layout:
            lines.append(" ".join([bone, *(repr(next(rest)) for _ in range(count))]))
    published.write("cmu_mocap", f"{recording}.amc", "\r\n".join([*lines, ""]).encode())


@pytest.fixture
def angles(published, rng):
    angles = {"01_01": rng.normal(size=(20, 50)), "02_01": rng.normal(size=(10, 50))}
    for recording, values in angles.items():
        write(published, recording, expand_joint_angles(values, rng.normal(size=6)))
    return angles


RECORDINGS = {"walking": ["01_01"], "sitting": ["02_01"]}


def test_frames_labels_and_degrees(published, angles):
    data = datasets.load("cmu_mocap", published.root, recordings=RECORDINGS)
    assert data.info.sizes == {"train": 24, "valid": 3, "test": 3}
    assert data.info.label_names == ("walking", "sitting")
    np.testing.assert_array_equal(data.train_labels, [0] * 16 + [1] * 8)
    degrees = np.concatenate([angles["01_01"][:16], angles["02_01"][:8]])
    np.testing.assert_allclose(data.normalisation.undo(data.train), degrees, atol=1e-5)
    np.testing.assert_allclose(data.train.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(data.train.std(axis=0), 1.0, atol=1e-5)
    tail = np.concatenate([angles["01_01"][18:], angles["02_01"][9:]])
    np.testing.assert_allclose(data.normalisation.undo(data.test), tail, atol=1e-5)


def test_single_frames_and_a_lower_rate(published, angles):
    data = datasets.load(
        "cmu_mocap",
        published.root,
        recordings={"walking": ["01_01"]},
        every=2,
        split="frames",
        normalisation="none",
        seed=1,
    )
    rows = np.concatenate([data.train, data.valid, data.test])
    expected = angles["01_01"][::2].astype(np.float32)
    assert (rows != expected).any()
    np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(expected, axis=0))


@pytest.mark.parametrize(
    "options",
    [
        {"every": 0},
        {"split": "other"},
        {"recordings": {}},
        {"recordings": {"a": []}},
        {"recordings": {"a": ["../01_01"]}},
        {"recordings": {"a": ["01_01"]}, "normalisation": "other"},
    ],
)
def test_options_out_of_range_are_refused(published, angles, options):
    with pytest.raises(DataError):
        datasets.load("cmu_mocap", published.root, **options)


def test_other_channels_are_refused(published, rng):
    write(published, "01_01", rng.normal(size=(3, 8)), (("root", 6), ("tail", 2)))
    with pytest.raises(DataError, match="other channels"):
        datasets.load("cmu_mocap", published.root, recordings={"a": ["01_01"]})


def test_missing_recordings_name_their_address(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"subjects/07/07_01\.amc \(no checksum"):
        datasets.load("cmu_mocap", tmp_path, recordings={"a": ["07_01"]})
    with pytest.raises(DatasetNotFoundError, match=r"02_01\.amc', .*1503c481"):
        datasets.load("cmu_mocap", tmp_path)
    with pytest.raises(DatasetNotFoundError, match=r"07\.asf"):
        load_skeleton("07", tmp_path)
    with pytest.raises(DataError, match="CMU's number"):
        load_skeleton("../02", tmp_path)


FRAMES = {
    "02_01": 343,
    "02_02": 298,
    "35_01": 358,
    "02_03": 173,
    "49_18": 1102,
    "49_19": 957,
    "49_20": 898,
    "02_05": 1854,
    "11_01": 597,
}


@pytest.mark.data
def test_real_recordings():
    data = datasets.load("cmu_mocap")
    assert sum(data.info.sizes.values()) == sum(FRAMES.values())
    assert data.train.shape[1:] == (50,)
    assert dict(data.info.sizes) == dict(datasets.describe("cmu_mocap").sizes)
    published = {remote.name: remote.sha256 for remote in data.info.files}
    assert data.info.checksums == {f"{name}.amc": published[f"{name}.amc"] for name in FRAMES}
    assert data.train.std(axis=0) == pytest.approx(np.ones(50), abs=1e-4)


@pytest.mark.data
@pytest.mark.parametrize(
    ("subject", "recording"), [("02", "02_01"), ("35", "35_01"), ("49", "49_18")]
)
def test_real_figures_stand_on_the_ground(subject, recording):
    from hiervae.datasets.sets import cmu_mocap
    from hiervae.datasets.store import FileStore

    skeleton = load_skeleton(subject)
    motion = read_amc(FileStore(cmu_mocap.INFO).locate(f"{recording}.amc"))
    constant = np.ptp(motion.values, axis=0) < 1e-9
    assert constant.sum() == 6
    metres = skeleton.positions(motion.values, motion.layout) * skeleton.metres_per_unit
    lowest = metres[..., 1].min(axis=1)
    assert np.abs(lowest).max() < 0.12
    head = [bone.name for bone in skeleton.bones].index("head")
    assert 1.4 < metres[:, head, 1].mean() < 1.9
