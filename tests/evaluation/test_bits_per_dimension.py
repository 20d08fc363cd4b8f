import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.evaluation import bits_per_dimension


def test_fair_coins_and_uniform_greys():
    """D fair coins have log p = -D log 2, one bit each; uniform 8-bit greys have eight."""
    scores = np.array([-10 * np.log(2.0), -10 * np.log(256.0)], dtype="float32")
    np.testing.assert_allclose(bits_per_dimension(scores, 10), [1.0, 8.0], rtol=1e-6)


def test_a_single_score_and_text():
    assert bits_per_dimension(-np.log(2.0), 1) == pytest.approx(1.0)
    with pytest.raises(DataError, match="log_likelihood has the type <U1; expected real numbers"):
        bits_per_dimension("a", 3)


def test_a_size_that_is_none():
    with pytest.raises(ValueError, match="num_dimensions=0"):
        bits_per_dimension([-1.0], 0)
