import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.evaluation import ActiveUnits
from hiervae.plotting import active_units

FIRST = ActiveUnits((np.array([1e-5, 0.5, 0.02]), np.array([0.0, 2.0])), 0.01)
SECOND = ActiveUnits((np.array([[0.3], [0.2], [0.1]]), np.array([1e-3, 1e-4])), 0.01)


def test_units_are_sorted_and_counted_level_by_level(tmp_path):
    path = tmp_path / "active_units.png"
    figure = active_units({"REWO": FIRST, "warm-up": SECOND}, path, "units", ("z", "zeta"))
    left, right = figure.axes
    assert (left.get_title(), right.get_title()) == ("z", "zeta")
    drawn = {line.get_label(): line.get_ydata() for line in left.lines if len(line.get_xdata()) > 2}
    np.testing.assert_array_equal(drawn["REWO: 2 of 3 active"], [0.5, 0.02, 1e-5])
    np.testing.assert_array_equal(drawn["warm-up: 3 of 3 active"], [0.3, 0.2, 0.1])
    labels = [text.get_text() for text in right.get_legend().get_texts()]
    assert labels == ["REWO: 1 of 2 active", "warm-up: 0 of 2 active"]
    assert 0.01 in {line.get_ydata()[0] for line in right.lines}
    assert right.get_yscale() == "log"
    assert all(np.all(np.asarray(line.get_ydata()) > 0) for line in right.lines)
    assert path.stat().st_size


def test_what_cannot_be_drawn_is_refused():
    one_level = ActiveUnits((np.ones(3),), 0.01)
    for found, levels in (({}, None), ({"a": FIRST, "b": one_level}, None), ({"a": FIRST}, ("z",))):
        with pytest.raises(DataError, match="expected one or more models of equally many levels"):
            active_units(found, levels=levels)
    with pytest.raises(ValueError, match="can be told apart"):
        active_units({str(k): FIRST for k in range(30)})
