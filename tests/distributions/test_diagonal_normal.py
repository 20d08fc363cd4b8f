import keras
import numpy as np
import pytest
from scipy import stats

from hiervae.distributions import DiagonalNormal
from hiervae.distributions.diagonal_normal import as_float32
from tests.support.models import numpy_of, tensor
from tests.support.statistics import assert_mean

RNG = np.random.default_rng(0)
MEAN = RNG.normal(size=(4, 3)).astype("float32")
LOG_VARIANCE = RNG.uniform(-6.0, 4.0, size=(4, 3)).astype("float32")
VALUE = (MEAN + 2.0 * RNG.normal(size=(4, 3))).astype("float32")


def normal(mean=MEAN, log_variance=LOG_VARIANCE) -> DiagonalNormal:
    return DiagonalNormal(tensor(mean), tensor(log_variance))


def oracle(mean=MEAN, log_variance=LOG_VARIANCE):
    return stats.norm(mean.astype("float64"), np.exp(0.5 * log_variance.astype("float64")))


def test_log_prob_is_summed_over_the_last_axis():
    expected = oracle().logpdf(VALUE).sum(axis=-1)
    np.testing.assert_allclose(numpy_of(normal().log_prob(tensor(VALUE))), expected, rtol=1e-5)


def test_log_prob_broadcasts_a_single_row():
    expected = oracle(MEAN[:1], LOG_VARIANCE[:1]).logpdf(VALUE).sum(axis=-1)
    found = normal(MEAN[:1], LOG_VARIANCE[:1]).log_prob(tensor(VALUE))
    np.testing.assert_allclose(numpy_of(found), expected, rtol=1e-5)


def test_moments_and_entropy():
    np.testing.assert_allclose(numpy_of(normal().variance), oracle().var(), rtol=1e-5)
    np.testing.assert_allclose(numpy_of(normal().stddev), oracle().std(), rtol=1e-5)
    expected = oracle().entropy().sum(axis=-1)
    np.testing.assert_allclose(numpy_of(normal().entropy()), expected, rtol=1e-5)


def test_draws_have_the_distribution():
    draws = numpy_of(normal().repeat(5000).sample(keras.random.SeedGenerator(1)))
    draws = draws.reshape(5000, 4, 3)
    for row in range(4):
        for column in range(3):
            truth = oracle(MEAN[row, column], LOG_VARIANCE[row, column])
            assert stats.kstest(draws[:, row, column], truth.cdf).pvalue > 1e-5
    assert len(np.unique(draws)) > 59_000, "draws repeat"


def test_a_draw_comes_with_its_own_log_density():
    draw, log_prob = normal().sample_and_log_prob(keras.random.SeedGenerator(1))
    expected = oracle().logpdf(numpy_of(draw)).sum(axis=-1)
    np.testing.assert_allclose(numpy_of(log_prob), expected, rtol=1e-4)


def test_draws_are_reparameterised():
    repeated = normal().repeat(4000)
    draws = numpy_of(repeated.sample(keras.random.SeedGenerator(3))).reshape(4000, 4, 3)
    shifted = normal(MEAN + 1.0, LOG_VARIANCE + np.log(4.0).astype("float32")).repeat(4000)
    moved = numpy_of(shifted.sample(keras.random.SeedGenerator(3))).reshape(4000, 4, 3)
    np.testing.assert_allclose(moved, MEAN + 1.0 + 2.0 * (draws - MEAN), rtol=1e-4, atol=1e-4)
    assert_mean(draws, MEAN)


def test_repeat_is_sample_major():
    repeated = numpy_of(normal().repeat(3).mean)
    np.testing.assert_array_equal(repeated, np.concatenate([MEAN] * 3))
    assert normal().repeat(1).mean.shape == (4, 3)


def test_split_and_concatenate_are_inverse():
    blocks = normal().split((1, 2))
    assert [tuple(block.mean.shape) for block in blocks] == [(4, 1), (4, 2)]
    joined = DiagonalNormal.concatenate(blocks)
    np.testing.assert_array_equal(numpy_of(joined.mean), MEAN)
    np.testing.assert_array_equal(numpy_of(joined.log_variance), LOG_VARIANCE)
    total = sum(
        numpy_of(b.log_prob(tensor(v))) for b, v in zip(blocks, (VALUE[:, :1], VALUE[:, 1:]))
    )
    np.testing.assert_allclose(total, numpy_of(normal().log_prob(tensor(VALUE))), rtol=1e-5)


def test_rows_can_be_picked():
    picked = normal()[1:3]
    np.testing.assert_array_equal(numpy_of(picked.mean), MEAN[1:3])
    np.testing.assert_array_equal(numpy_of(picked.log_variance), LOG_VARIANCE[1:3])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_as_float32(dtype):
    value = as_float32(keras.ops.ones((2,), dtype=dtype))
    assert keras.backend.standardize_dtype(value.dtype) == "float32"


MAPS = (4, 2, 3, 2)
MAP_MEAN = RNG.normal(size=MAPS).astype("float32")
MAP_LOG_VARIANCE = RNG.uniform(-3.0, 2.0, size=MAPS).astype("float32")


def test_events_of_several_axes():
    """Densities and entropies are sums over all axes of an event."""
    maps = DiagonalNormal(tensor(MAP_MEAN), tensor(MAP_LOG_VARIANCE), event_rank=3)
    value = (MAP_MEAN + RNG.normal(size=MAPS)).astype("float32")
    truth = oracle(MAP_MEAN, MAP_LOG_VARIANCE)
    axes = (1, 2, 3)
    expected = truth.logpdf(value).sum(axis=axes)
    np.testing.assert_allclose(numpy_of(maps.log_prob(tensor(value))), expected, rtol=1e-5)
    np.testing.assert_allclose(numpy_of(maps.entropy()), truth.entropy().sum(axis=axes), rtol=1e-5)
    draw, log_prob = maps.repeat(2).sample_and_log_prob(keras.random.SeedGenerator(0))
    assert tuple(draw.shape) == (8, 2, 3, 2)
    expected = truth.logpdf(numpy_of(draw).reshape(2, *MAPS)).sum(axis=(2, 3, 4)).reshape(8)
    np.testing.assert_allclose(numpy_of(log_prob), expected, rtol=1e-4)
    assert maps[1:].event_rank == maps.repeat(2).event_rank == 3


def test_flattened_and_reshaped_events():
    maps = DiagonalNormal(tensor(MAP_MEAN), tensor(MAP_LOG_VARIANCE), event_rank=3)
    vectors = maps.flatten()
    np.testing.assert_array_equal(numpy_of(vectors.mean), MAP_MEAN.reshape(4, 12))
    value = RNG.normal(size=(4, 12)).astype("float32")
    expected = oracle(MAP_MEAN, MAP_LOG_VARIANCE).logpdf(value.reshape(MAPS)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(numpy_of(vectors.log_prob(tensor(value))), expected, rtol=1e-5)
    again = vectors.reshape((2, 3, 2))
    assert again.event_rank == 3
    np.testing.assert_array_equal(numpy_of(again.log_variance), MAP_LOG_VARIANCE)
    plain = normal()
    assert plain.flatten() is plain
