"""The sum of cross-entropies that scores are made of, against SciPy."""

import keras
import numpy as np
import pytest
from scipy.special import log_expit

from hiervae.backend import sum_cross_entropy


@pytest.mark.parametrize("size", [1, 7, 96, 784])
@pytest.mark.parametrize("scale", [0.1, 3.0, 100.0])
def test_sum_cross_entropy(size, scale):
    rng = np.random.default_rng(size)
    logits = rng.normal(0.0, scale, (3, 4, size)).astype("float32")
    x = (rng.random((1, 4, size)) < 0.5).astype("float32")
    exact = logits.astype("float64")
    expected = (x * log_expit(exact) + (1.0 - x) * log_expit(-exact)).sum(axis=-1)
    found = keras.ops.convert_to_numpy(
        sum_cross_entropy(keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(logits))
    )
    np.testing.assert_allclose(found, expected, rtol=3e-6, atol=6e-8 * size + 1e-6)
