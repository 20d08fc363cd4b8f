"""Skeleton files and forward kinematics, against SciPy's rotations and closed forms."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hiervae.datasets.motion import read_asf
from hiervae.errors import DamagedFileError, DataError

TEXT = """# comment
:version 1.10
:units
  mass 1.0
  length 0.45
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 1 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name hip
    direction 0 -1 0
    length 1.5
    axis 0 0 0 XYZ
  end
  begin
    id 2
    name leg
    direction 0.6 -0.8 0
    length 2
    axis 10 20 30 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
    id 3
    name foot
    direction 0 0 1
    length 0.5
    axis -90 0 20 XYZ
    dof rx rz
  end
:hierarchy
  begin
    root hip
    hip leg
    leg foot
  end
"""
LAYOUT = (("root", 6), ("leg", 3), ("foot", 2))


def write(tmp_path, text=TEXT):
    path = tmp_path / "a.asf"
    path.write_bytes(text.replace("\n", "\r\n").encode())
    return path


@pytest.fixture
def skeleton(tmp_path):
    return read_asf(write(tmp_path))


def test_structure(skeleton):
    assert [bone.name for bone in skeleton.bones] == ["root", "hip", "leg", "foot"]
    assert skeleton.links == ((0, 1), (1, 2), (2, 3))
    assert skeleton.bones[3].channels == ("rx", "rz")
    assert skeleton.metres_per_unit == pytest.approx(0.0254 / 0.45)


def test_rest_pose_is_the_sum_of_bones(skeleton):
    joints = skeleton.positions(np.zeros(11), LAYOUT)
    steps = [[1, 0, 0], [0, -1.5, 0], [1.2, -1.6, 0], [0, 0, 0.5]]
    np.testing.assert_allclose(joints, np.cumsum(steps, axis=0), atol=1e-12)


def test_against_scipy_rotations(skeleton, rng):
    values = rng.uniform(-90, 90, (5, 11))

    def rotation(order, angles):
        return Rotation.from_euler(order, angles, degrees=True)

    joints = skeleton.positions(values, LAYOUT)
    for frame, row in zip(joints, values, strict=True):
        root = rotation("xyz", row[3:6])
        position = np.array([1.0, 0, 0]) + row[:3]
        np.testing.assert_allclose(frame[0], position, atol=1e-12)
        position = position + root.apply([0, -1.5, 0])
        np.testing.assert_allclose(frame[1], position, atol=1e-12)
        axes = rotation("xyz", [10, 20, 30])
        leg = root * axes * rotation("xyz", row[6:9]) * axes.inv()
        position = position + 2 * leg.apply([0.6, -0.8, 0])
        np.testing.assert_allclose(frame[2], position, atol=1e-12)
        axes = rotation("xyz", [-90, 0, 20])
        foot = leg * axes * rotation("xz", row[9:]) * axes.inv()
        position = position + 0.5 * foot.apply([0, 0, 1])
        np.testing.assert_allclose(frame[3], position, atol=1e-12)


def test_bones_keep_their_length(skeleton, rng):
    joints = skeleton.positions(rng.uniform(-180, 180, (50, 11)), LAYOUT)
    for (start, end), length in zip(skeleton.links, (1.5, 2.0, 0.5), strict=True):
        distance = np.linalg.norm(joints[:, start] - joints[:, end], axis=1)
        np.testing.assert_allclose(distance, length)


def test_a_recording_that_does_not_fit_is_refused(skeleton):
    with pytest.raises(DataError, match="layout has 11 channels; the values have 10"):
        skeleton.positions(np.zeros((2, 10)), LAYOUT)
    with pytest.raises(DataError, match=r"1 channels for the bone 'leg'; this skeleton has 3"):
        skeleton.positions(np.zeros((2, 7)), (("root", 6), ("leg", 1)))
    with pytest.raises(DataError, match="no such bone"):
        skeleton.positions(np.zeros((2, 7)), (("root", 6), ("tail", 1)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("angle deg", "angle rad", "expected deg"),
        (":hierarchy", ":other", "hierarchy"),
        ("leg foot\n", "", "join every bone"),
        ("leg foot\n", "leg foot\n foot hip\n", "two parents"),
        ("root hip\n    hip leg\n", "hip leg\n foot hip\n", "join every bone"),
        ("direction 0 0 1", "direction 0 0 9", "length 9"),
        ("direction 0 0 1", "direction 0 0", "3 finite numbers"),
        ("direction 0 0 1", "direction 0 0 nan", "3 finite numbers"),
        ("axis -90 0 20 XYZ", "axis -90 0 20 XXZ", "axis order"),
        ("dof rx rz", "dof rx l", "has the channels rx, l"),
        ("length 0.45", "length 0", "unit of length"),
        (TEXT, "", "units"),
    ],
)
def test_damage_is_named(tmp_path, old, new, message):
    with pytest.raises(DamagedFileError, match=message) as caught:
        read_asf(write(tmp_path, TEXT.replace(old, new, 1)))
    assert "a.asf" in str(caught.value)
