import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.plotting.frames import as_frames, value_limits


@pytest.mark.parametrize(
    ("event_shape", "image_shape", "drawn"),
    [
        ((16,), None, (4, 4, 1)),
        ((50,), None, (50,)),
        ((1,), None, (1,)),
        ((3, 5), None, (3, 5, 1)),
        ((3, 5, 1), None, (3, 5, 1)),
        ((3, 5, 3), None, (3, 5, 3)),
        ((3, 5, 4), None, (3, 5, 4)),
        ((16,), (16,), (16,)),
        ((16,), (2, 8), (2, 8, 1)),
        ((27,), (3, 3, 3), (3, 3, 3)),
        ((4, 4), (16,), (16,)),
    ],
)
def test_shape_that_events_are_drawn_in(event_shape, image_shape, drawn):
    values = np.arange(2 * np.prod(event_shape), dtype=float).reshape(2, *event_shape)
    frames = as_frames("x", values, image_shape)
    assert frames.shape == (2, *drawn)
    np.testing.assert_array_equal(frames.ravel(), values.ravel())


@pytest.mark.parametrize(
    ("values", "image_shape", "message"),
    [
        (np.zeros(16), None, "at least one example"),
        (np.zeros((0, 16)), None, "at least one example"),
        (np.zeros((2, 0)), None, "at least one example"),
        (np.full((2, 16), np.nan), None, "NaN"),
        ([["a"]], None, "expected real numbers. It holds text"),
        (np.zeros((2, 4, 4, 2)), None, r"\(4, 4, 2\)"),
        (np.zeros((2, 4, 4, 3, 1)), None, "cannot be drawn"),
        (np.zeros((2, 16)), (3, 5), "image_shape"),
        (np.zeros((2, 16)), (4, 2, 2), r"1, 3 or 4"),
        (np.zeros((2, 16)), (), "image_shape"),
    ],
)
def test_what_cannot_be_drawn_is_refused(values, image_shape, message):
    with pytest.raises(DataError, match=message):
        as_frames("x", values, image_shape)


@pytest.mark.parametrize("image_shape", [64, "8x8", (8.0, 8), (8, -8), (8, 8, 0)])
def test_a_shape_is_sizes(image_shape):
    with pytest.raises(ValueError, match="image_shape"):
        as_frames("x", np.zeros((2, 64)), image_shape)


@pytest.mark.parametrize(
    ("values", "given", "limits"),
    [
        ([0.0, 1.0], None, (0.0, 1.0)),
        ([-0.1, *[0.5] * 98, 1.2], None, (0.0, 1.0)),
        ([-0.04, 1.05], None, (0.0, 1.0)),
        ([-0.5, 0.5], None, (-0.5, 0.5)),
        ([-0.5, *[0.2] * 20, 0.5], None, (-0.5, 0.5)),
        ([-0.6, *[0.5] * 98, 1.0], None, (-0.6, 1.0)),
        ([0.2, 0.4], None, (0.0, 1.0)),
        ([0.0, 255.0], None, (0.0, 255.0)),
        ([-2.0, 2.0], None, (-2.0, 2.0)),
        ([0.0, 0.001], None, (0.0, 0.001)),
        ([3.0, 3.0], None, (2.5, 3.5)),
        ([0.0, 9.0], (2, 4), (2.0, 4.0)),
    ],
)
def test_limits(values, given, limits):
    assert value_limits(np.array(values), given) == limits


@pytest.mark.parametrize("given", [(1, 1), (2, 1), (0, np.inf), (np.nan, 1), "ab", 1.0, (0, 1, 2)])
def test_bad_limits(given):
    with pytest.raises(ValueError, match="value_range=.*: expected two increasing finite numbers"):
        value_limits(np.zeros(2), given)
