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


VARIANCES = {
    "exp": np.exp,
    "softplus": lambda raw: np.logaddexp(0.0, raw),
    "sigmoid": lambda raw: np.square(1.0 / (1.0 + np.exp(-raw)) + 0.001),
}


@pytest.mark.parametrize("variance", VARIANCES)
def test_variances(variance):
    """Also where the float32 variance itself would be zero."""
    head = NormalHead(1, (-60.0, 60.0), variance=variance)
    head.build((None, 1))
    head.dense.set_weights([np.array([[0.0, 1.0]]), np.zeros(2)])
    raw = np.array([-200.0, -50.0, -15.5, -14.5, -3.0, 0.0, 0.7, 40.0, 200.0])[:, None]
    expected = np.clip(np.log(VARIANCES[variance](raw)), -60.0, 60.0)
    found = head.distribution(tensor(raw))
    np.testing.assert_allclose(numpy_of(found.log_variance), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("variance", VARIANCES)
def test_bounds_hold_for_every_variance(variance):
    head = NormalHead(2, (-0.5, -0.25), variance=variance)
    head.build((None, 3))
    found = numpy_of(head.distribution(tensor(50.0 * RNG.normal(size=(40, 3)))).log_variance)
    np.testing.assert_allclose([found.min(), found.max()], [-0.5, -0.25])


def test_batch_normalisation():
    """Both halves over the batch in training, with the moving averages elsewhere."""
    head = NormalHead(2, initial_scale=0.5, batch_norm=True)
    head.build((None, 3))
    features = RNG.normal(size=(50, 3))
    outputs = features @ numpy_of(head.dense.kernel)
    normalised = 0.5 * (outputs - outputs.mean(axis=0)) / np.sqrt(outputs.var(axis=0) + 1e-3)
    found = head.distribution(tensor(features), training=True)
    np.testing.assert_allclose(numpy_of(found.mean), normalised[:, :2], atol=1e-4)
    np.testing.assert_allclose(numpy_of(found.log_variance), normalised[:, 2:], atol=1e-4)
    mean = 0.01 * outputs.mean(axis=0)
    variance = 0.99 + 0.01 * outputs.var(axis=0)
    later = numpy_of(head.distribution(tensor(features)).mean)
    expected = 0.5 * (outputs - mean) / np.sqrt(variance + 1e-3)
    np.testing.assert_allclose(later, expected[:, :2], atol=1e-4)
    assert head.dense.bias is None


def test_unknown_variance():
    with pytest.raises(ValueError, match="variance='square'.*'exp', 'softplus', 'sigmoid'"):
        NormalHead(2, variance="square")


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("variance", VARIANCES)
def test_log_variances_start_inside_bounds_that_exclude_the_usual_start(variance, batch_norm):
    """At a bound they would have no gradient, and stay there."""
    features = RNG.normal(size=(50, 4)).astype("float32")
    for bounds in ((-10.0, -2.0), (-4.0, -1.5), (-60.0, -20.0), (1.0, 5.0)):
        if variance == "sigmoid" and (bounds[0] > 0.0 or bounds[1] < -13.0):
            continue  # the standard deviation is between 0.001 and 1.001
        head = NormalHead(3, bounds, 0.1, variance, batch_norm)
        head.build((None, 4))
        found = numpy_of(head.distribution(tensor(features)).log_variance)
        middle = 0.5 * sum(bounds)
        assert np.abs(found - middle).max() < 0.4 * (bounds[1] - bounds[0])
        assert found.mean() == pytest.approx(middle, abs=0.2)


@pytest.mark.parametrize("variance", VARIANCES)
def test_they_start_as_ever_inside_other_bounds(variance):
    head = NormalHead(3, (-4.0, 0.5), 0.1, variance)
    head.build((None, 4))
    np.testing.assert_array_equal(numpy_of(head.dense.bias), 0.0)
