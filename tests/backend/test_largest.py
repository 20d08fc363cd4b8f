"""The largest of a row and where it is."""

import numpy as np

from hiervae.backend import largest
from tests.support.models import numpy_of, tensor

VALUES = np.random.default_rng(0).normal(size=(40, 300)).astype("float32")


def test_value_and_position_are_those_of_numpy():
    most, position = largest(tensor(VALUES))
    np.testing.assert_array_equal(numpy_of(most), VALUES.max(axis=-1))
    np.testing.assert_array_equal(numpy_of(position), VALUES.argmax(axis=-1))


def test_of_equal_values_one_is_taken():
    values = np.zeros((2, 5), dtype="float32")
    values[1, [1, 3]] = 2.0
    most, position = largest(tensor(values))
    np.testing.assert_array_equal(numpy_of(most), [0.0, 2.0])
    assert numpy_of(position)[1] in (1, 3)


def test_the_first_and_the_last_position_and_rows_without_a_finite_value():
    values = np.full((4, 3), -np.inf, dtype="float32")
    values[0, 0], values[1, 2], values[2] = -1.0, -1.0, np.nan
    most, position = largest(tensor(values))
    np.testing.assert_array_equal(numpy_of(most)[[0, 1, 3]], [-1.0, -1.0, -np.inf])
    np.testing.assert_array_equal(numpy_of(position)[:2], [0, 2])
    assert np.isnan(numpy_of(most)[2])
    assert ((numpy_of(position) >= 0) & (numpy_of(position) < 3)).all()
