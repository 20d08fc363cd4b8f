import keras
import numpy as np
import pytest

from hiervae.networks.normal_head import NormalHead
from tests.support.models import numpy_of, tensor

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(4,), (2, 2)])
def test_affine_map_with_clipped_log_variance(shape):
    head = NormalHead(3, (-0.5, 0.25))
    head.build((None, *shape))
    kernel, bias = RNG.normal(size=(4, 6)), RNG.normal(size=6)
    head.dense.set_weights([kernel, bias])
    features = RNG.normal(size=(5, *shape)).astype("float32")
    outputs = features.reshape(5, 4) @ kernel + bias
    found = head.distribution(tensor(features))
    np.testing.assert_allclose(numpy_of(found.mean), outputs[:, :3], rtol=1e-4, atol=1e-5)
    expected = np.clip(outputs[:, 3:], -0.5, 0.25)
    assert (expected == -0.5).any()
    assert (expected == 0.25).any()
    np.testing.assert_allclose(numpy_of(found.log_variance), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float32"])
def test_parameters_are_float32_whatever_the_policy(policy):
    head = NormalHead(2, dtype=policy)
    head.build((None, 3))
    found = head.distribution(tensor(np.ones((1, 3))))
    assert keras.backend.standardize_dtype(found.mean.dtype) == "float32"
    assert keras.backend.standardize_dtype(found.log_variance.dtype) == "float32"
    assert head.dense.compute_dtype == keras.DTypePolicy(policy).compute_dtype


@pytest.mark.parametrize(
    "bounds", [(0, 0), (2, 1), (float("-inf"), 0), (0, float("nan")), None, "ab"]
)
def test_bad_bounds(bounds):
    with pytest.raises(ValueError, match="log_variance_bounds=.*two increasing finite numbers"):
        NormalHead(2, bounds)
