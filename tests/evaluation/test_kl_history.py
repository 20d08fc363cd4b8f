import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.evaluation import KLHistory, KLProfile, KLTerm, kl_history


def profile(one, joint, names=("kl_1", "kl_2")):
    """Two terms: one of two units, one without shares."""
    units = np.asarray(one, float)
    return KLProfile(
        (
            KLTerm(names[0], float(units.sum()), units, False, True),
            KLTerm(names[1], joint, None, True, True),
        )
    )


PROFILES = [profile([1.0, 2.0], 5.0), profile([0.5, 3.0], 4.0), profile([0.1, 3.5], 3.0)]


def test_moments_are_joined_term_by_term():
    found = kl_history([10, 20, 40], PROFILES)
    assert found.steps.tolist() == [10, 20, 40]
    assert found.values["kl_1"].tolist() == [3.0, 3.5, 3.6]
    assert found.values["kl_2"].tolist() == [5.0, 4.0, 3.0]
    assert found.units["kl_1"].tolist() == [[1.0, 2.0], [0.5, 3.0], [0.1, 3.5]]
    assert list(found.units) == ["kl_1"]


def test_a_history_survives_a_file(tmp_path):
    history = kl_history([10, 20, 40], PROFILES)
    np.savez(tmp_path / "kl.npz", **history.as_arrays())
    with np.load(tmp_path / "kl.npz") as arrays:
        read = KLHistory.from_arrays(arrays)
    assert read.steps.tolist() == history.steps.tolist()
    assert read.values.keys() == history.values.keys()
    np.testing.assert_array_equal(read.units["kl_1"], history.units["kl_1"])
    assert list(read.units) == ["kl_1"]


@pytest.mark.parametrize(
    ("steps", "profiles", "match"),
    [
        ([], [], "there are 0 profiles"),
        ([1, 1], PROFILES[:2], "one finite number for each profile, rising"),
        ([1, np.nan], PROFILES[:2], "one finite number"),
        (["a", "b"], PROFILES[:2], "steps has the type <U1"),
        ([1], PROFILES[:2], "there are 2 profiles"),
        ([1, 2], [PROFILES[0], profile([1.0, 1.0], 1.0, ("kl_1", "kl_3"))], "different names"),
    ],
)
def test_what_does_not_fit_together_is_refused(steps, profiles, match):
    with pytest.raises(DataError, match=match):
        kl_history(steps, profiles)


def test_other_arrays_are_refused():
    with pytest.raises(DataError, match=r"the arrays \['x'\]; expected those of a KL history"):
        KLHistory.from_arrays({"x": [1.0]})
    for arrays in ({"kl_1": [1.0]}, {"kl_1_units": [1.0, 2.0]}, {"kl_1": [[1.0], [2.0]]}):
        with pytest.raises(DataError, match=r"of a KL history has shape .* and steps \(2,\)"):
            KLHistory.from_arrays({"steps": [1.0, 2.0], **arrays})


def test_a_history_of_another_model_does_not_follow():
    history = kl_history([10], PROFILES[:1])
    wider = kl_history([20], [profile([1.0, 2.0, 3.0], 5.0)])
    message = r"of kl_1 \(3 units\), kl_2 from step 20 cannot follow one of kl_1 \(2 units\), kl_2"
    with pytest.raises(DataError, match=message):
        history.followed_by(wider)
    with pytest.raises(DataError, match="at later steps"):
        history.followed_by(kl_history([10], PROFILES[1:2]))
    assert history.followed_by(kl_history([20], PROFILES[1:2])).steps.tolist() == [10, 20]
