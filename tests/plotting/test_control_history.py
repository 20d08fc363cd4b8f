import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.plotting import control_history

STEPS = np.arange(10, 110, 10)
HISTORY = {
    "step": STEPS,
    "beta": np.geomspace(1e-4, 1.0, 10),
    "constraint": np.linspace(80.0, 20.0, 10),
    "phase": [0, 0, 0, 1, 1, 1, 1, 1, 1, 1],
}


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_curves_bound_and_change_of_phase():
    above, below = control_history(HISTORY, kappa_squared=25.0, title="REWO").axes
    np.testing.assert_array_equal(above.lines[0].get_xydata(), np.c_[STEPS, HISTORY["beta"]])
    np.testing.assert_array_equal(below.lines[0].get_xydata(), np.c_[STEPS, HISTORY["constraint"]])
    assert (above.get_yscale(), below.get_yscale()) == ("log", "linear")
    assert below.lines[1].get_ydata() == [25.0, 25.0]
    assert texts(below) == ["bound 25 nats"]
    assert texts(above) == ["initial phase ends at 40"]
    for axes in (above, below):
        assert axes.lines[-1].get_xdata() == [40, 40]
        shade = axes.patches[0]
        assert (shade.get_x(), shade.get_width()) == (10, 30)
    assert (above.get_title(), below.get_xlabel()) == ("REWO", "training step")


def test_phase_that_never_ends_and_one_that_never_was():
    still, _ = control_history(HISTORY | {"phase": np.zeros(10)}).axes
    assert texts(still) == ["initial phase"]
    assert still.patches[0].get_width() == 90
    assert len(still.lines) == 1
    main, _ = control_history(HISTORY | {"phase": np.ones(10)}).axes
    assert (texts(main), len(main.patches), len(main.lines)) == ([], 0, 1)


def test_epochs_and_linear_axis_without_more():
    history = {"beta": np.linspace(0, 1, 5), "constraint": np.ones(5), "val_loss": None}
    above, below = control_history(history).axes
    np.testing.assert_array_equal(above.lines[0].get_xdata(), [1, 2, 3, 4, 5])
    assert (above.get_yscale(), below.get_xlabel()) == ("linear", "epoch")
    assert not below.texts


def test_one_entry_is_a_visible_point(tmp_path):
    figure = control_history({"beta": [0.5], "constraint": [3.0], "phase": [0]}, tmp_path / "a.png")
    assert figure.axes[0].lines[0].get_marker() == "o"
    assert (tmp_path / "a.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beta": [1.0, 2.0], "step": [1, 2, 3]}, "constraint has shape"),
        ({"constraint": np.full(10, np.nan)}, "constraint holds NaN"),
        ({"step": [1, 2]}, "step has shape"),
        ({"beta": []}, "beta has shape"),
        ({"beta": "abc"}, "beta has the type <U3; expected real numbers"),
    ],
)
def test_bad_series(change, message):
    with pytest.raises(DataError, match=message):
        control_history(HISTORY | change)


def test_missing_series_and_bad_bound():
    with pytest.raises(DataError, match=r"\['loss'\]; beta and constraint missing"):
        control_history({"loss": [1.0]})
    with pytest.raises(ValueError, match="kappa_squared"):
        control_history(HISTORY, kappa_squared=0.0)
