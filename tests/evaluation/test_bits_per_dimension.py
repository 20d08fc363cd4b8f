import numpy as np
import pytest

from hiervae.evaluation import bits_per_dimension


def test_fair_coins_and_uniform_greys():
    """D fair coins have log p = -D log 2, one bit each; uniform 8-bit greys have eight."""
    scores = np.array([-10 * np.log(2.0), -10 * np.log(256.0)], dtype="float32")
    np.testing.assert_allclose(bits_per_dimension(scores, 10), [1.0, 8.0], rtol=1e-6)


def test_a_size_that_is_none():
    with pytest.raises(ValueError, match="num_dimensions=0"):
        bits_per_dimension([-1.0], 0)
