"""Batches of arrays on PyTorch."""

import numpy as np
import pytest

from hiervae.model.batch_order import OrderedRows

pytestmark = pytest.mark.backends("torch")


def test_batches_are_rows_in_the_order_of_each_pass():
    from hiervae.backend.torch_rows import Batches

    x, weights = np.arange(14.0).reshape(7, 2), np.arange(7.0)
    x.flags.writeable = False
    orders = iter([np.array([6, 0, 5, 1, 4, 2, 3]), np.arange(7)])
    loader = Batches(OrderedRows((x, weights), 3, lambda number: next(orders)))
    assert len(loader) == 3
    for order in ([6, 0, 5, 1, 4, 2, 3], list(range(7))):
        batches = list(loader)
        assert [len(batch[0]) for batch in batches] == [3, 3, 1]
        for array, parts in zip((x, weights), zip(*batches, strict=True), strict=True):
            np.testing.assert_array_equal(np.concatenate(parts), array[order])
