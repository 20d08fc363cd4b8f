import math

import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.plotting import training_curves
from hiervae.plotting.figure_file import svg_of

pytest.importorskip("matplotlib")


def test_curves_carry_their_values_and_labels():
    figure = training_curves({"training": [3.0, 2.0], "validation": [4.0, 3.5]}, [1, 2], title="KL")
    (axes,) = figure.axes
    assert axes.get_title() == "KL"
    assert [line.get_label() for line in axes.lines] == ["training", "validation"]
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), [4.0, 3.5])
    assert len({line.get_color() for line in axes.lines}) == 2
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation"]


def test_values_that_are_not_finite_leave_a_gap():
    values = [1.0, 2.0, math.nan, 3.0, math.inf, 4.0, 5.0]
    figure = training_curves({"c": values}, range(1, 8))
    (line,) = figure.axes[0].lines
    np.testing.assert_array_equal(np.isfinite(line.get_ydata()), np.isfinite(values))
    assert line.get_markevery() == [3]  # alone between two gaps, where no line goes
    with pytest.raises(DataError, match="no finite values"):
        training_curves({"c": [math.nan, math.inf]}, [1, 2])
    with pytest.raises(DataError, match=r"c has shape \(3,\); expected 2 numbers"):
        training_curves({"c": [1.0, 2.0, 3.0]}, [1, 2])


@pytest.mark.parametrize(
    ("values", "scale"),
    [([1e-4, 1e-2, 1.0], "log"), ([1.0, 2.0, 3.0], "linear"), ([-1e30, 0.0, 1e30], "linear")],
)
def test_values_that_span_magnitudes_have_a_logarithmic_axis(values, scale):
    figure = training_curves({"c": values}, [1, 2, 3])
    assert figure.axes[0].get_yscale() == scale
    low, high = figure.axes[0].get_ylim()
    assert low <= min(values) < max(values) <= high


@pytest.mark.parametrize("values", [[3.0], [0.0, 0.0], [5e5, 5e5 + 1], [1e-300, 1e-5]])
def test_odd_values_can_be_drawn(values):
    svg_of(training_curves({"c": values}, range(1, len(values) + 1)))


def test_the_same_figure_has_the_same_svg():
    first, second = (svg_of(training_curves({"c": [1.0, 2.0]}, [1, 2])) for _ in range(2))
    assert first == second
    assert b"<metadata>" not in first
