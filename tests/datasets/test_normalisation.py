"""Normalisation that can be undone, and the choice of channels."""

import numpy as np
import pytest

from hiervae.datasets.motion import (
    CMU_LAYOUT,
    ChannelNormalisation,
    expand_joint_angles,
    joint_angle_names,
    select_joint_angles,
)
from hiervae.errors import DataError


@pytest.mark.parametrize("kind", ["standard", "range", "none"])
def test_round_trip(rng, kind):
    values = rng.normal(3.0, [1.0, 20.0, 0.0], (500, 3))
    scaling = ChannelNormalisation.fit(values, kind)
    scaled = scaling.apply(values)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaling.undo(scaled), values, atol=1e-4)
    if kind == "standard":
        np.testing.assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-5)
        np.testing.assert_allclose(scaled.std(axis=0), [1, 1, 0], atol=1e-5)
    if kind == "range":
        np.testing.assert_allclose(scaled.min(axis=0), 0.0, atol=1e-6)
        np.testing.assert_allclose(scaled.max(axis=0), [1, 1, 0], atol=1e-6)


def test_unknown_kinds_are_refused(rng):
    with pytest.raises(DataError, match="must be 'standard'"):
        ChannelNormalisation.fit(rng.random((3, 2)), "other")


def test_fifty_joint_angles():
    names = joint_angle_names()
    assert sum(count for _, count in CMU_LAYOUT) == 62
    assert len(names) == len(set(names)) == 50
    bones = {name.split(".")[0] for name in names}
    assert not bones & {"root", "rclavicle", "lclavicle", "rfingers", "lfingers"}


def test_expanding_undoes_the_choice(rng):
    angles = rng.normal(size=(4, 50))
    root = rng.normal(size=(4, 6))
    values = expand_joint_angles(angles, root)
    np.testing.assert_array_equal(select_joint_angles(values), angles)
    np.testing.assert_array_equal(values[:, :6], root)
    assert (expand_joint_angles(angles)[:, :6] == 0).all()
    assert sorted(set(expand_joint_angles(np.zeros((1, 50))).ravel())) == [0.0, 7.12502]
    with pytest.raises(DataError, match=r"\(n, 50\)"):
        expand_joint_angles(angles[0])
