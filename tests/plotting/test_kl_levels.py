import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.evaluation import KLProfile, KLTerm
from hiervae.plotting import kl_levels, kl_units


def profile(**units):
    """Terms by name, from their units or from a value alone."""
    terms = []
    for name, values in units.items():
        shares = None if np.ndim(values) == 0 else np.asarray(values, dtype=float)
        terms.append(KLTerm(name, float(np.sum(values)), shares, False, True))
    return KLProfile(tuple(terms))


LADDER = profile(kl_1=[0.5, 3.0, 0.0], kl_2=[2.0, 1.0], kl_3=[0.25])
BOTTOM_UP = profile(kl_1=[4.0, 3.0, 2.0], kl_2=[-0.5, 1.0], kl_3=[0.0])
JOINT = profile(kl_1_to_3=12.5)


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_bars_have_the_height_of_the_terms(tmp_path):
    path = tmp_path / "kl.png"
    figure = kl_levels({"ladder": LADDER, "bottom-up": BOTTOM_UP}, path, "KL")
    (axes,) = figure.axes
    heights = [[bar.get_height() for bar in group] for group in axes.containers]
    assert heights == [[3.5, 3.0, 0.25], [9.0, 0.5, 0.0]]
    first, second = ([bar.get_center()[0] for bar in group] for group in axes.containers)
    assert all(left < right < left + 0.5 for left, right in zip(first, second, strict=True))
    assert ticks(axes.xaxis) == ["1", "2", "3"]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["ladder: 6.8 nats", "bottom-up: 9.5 nats"]
    assert axes.get_title() == "KL"
    assert path.stat().st_size


def test_a_joint_term_stands_at_its_own_place():
    (axes,) = kl_levels({"joint": JOINT, "ladder": LADDER}).axes
    assert ticks(axes.xaxis) == ["1 to 3", "1", "2", "3"]
    joint, ladder = axes.containers
    assert [round(bar.get_center()[0]) for bar in joint] == [0]
    assert [round(bar.get_center()[0]) for bar in ladder] == [1, 2, 3]


def test_units_are_sorted_level_by_level():
    left, right, scale = kl_units({"ladder": LADDER, "bottom-up": BOTTOM_UP}, title="units").axes
    assert (left.get_title(), right.get_title()) == ("ladder", "bottom-up")
    cells = np.ma.filled(left.images[0].get_array(), np.nan)
    np.testing.assert_array_equal(
        cells, [[3.0, 0.5, 0.01], [2.0, 1.0, np.nan], [0.25, np.nan, np.nan]]
    )
    np.testing.assert_array_equal(right.images[0].get_array()[1, :2], [1.0, 0.01])
    assert left.get_ylim()[1] > left.get_ylim()[0]  # level 1 at the bottom
    assert ticks(left.yaxis) == ["1", "2", "3"]
    assert scale.get_ylim() == pytest.approx((0.01, 10.0))


def test_units_of_a_level_of_tensors_stand_in_one_row():
    tensors = profile(kl_1=[2.0, 1.0], kl_2=[[0.5, 3.0], [0.0, 1.5]])
    axes, _ = kl_units({"tensors": tensors}).axes
    cells = np.ma.filled(axes.images[0].get_array(), np.nan)
    np.testing.assert_array_equal(cells, [[2.0, 1.0, np.nan, np.nan], [3.0, 1.5, 0.5, 0.01]])


def test_what_cannot_be_drawn():
    with pytest.raises(DataError, match="empty"):
        kl_levels({})
    with pytest.raises(DataError, match="No KL term of joint splits"):
        kl_units({"joint": JOINT})
    with pytest.raises(ValueError, match="11 models"):
        kl_levels({str(index): LADDER for index in range(11)})
