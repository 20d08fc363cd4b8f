"""Batches of arrays that TensorFlow gathers, in an order that Python gives for each pass."""

import numpy as np
import pytest

pytestmark = pytest.mark.backends("tensorflow")
X = np.arange(20.0, dtype="float32").reshape(10, 2)
WEIGHTS = np.linspace(0.0, 1.0, 10).astype("float32")


@pytest.mark.parametrize("batch_size", [3, 5])
def test_rows_come_in_the_order_of_each_pass(batch_size):
    from hiervae.backend.tensorflow_rows import ordered_rows

    orders = []

    def order(number):
        orders.append(np.random.default_rng(len(orders)).permutation(number))
        return orders[-1]

    batches = ordered_rows((X, WEIGHTS), batch_size, order)
    for passes in (1, 2, 3):
        found = [tuple(each.numpy() for each in batch) for batch in batches]
        assert len(orders) == passes
        starts = range(0, 10, batch_size)
        for (rows, weights), start in zip(found, starts, strict=True):
            numbers = orders[-1][start : start + batch_size]
            np.testing.assert_array_equal(rows, X[numbers])
            np.testing.assert_array_equal(weights, WEIGHTS[numbers])
    assert int(batches.cardinality()) == len(starts)
    size = batches.element_spec[0].shape[0]
    assert size == (None if 10 % batch_size else batch_size)
