import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.evaluation import active_units

X = np.random.default_rng(99).normal(size=(600, 3)) @ np.diag([1.0, 0.5, 2.0])


def test_one_level_is_the_variance_of_the_means_from_two_passes(linear_model, normal_prior):
    encoder = np.array([[1.0, 0.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 0.06], [0.0, 0.0, 0.0]])
    model = linear_model(
        [encoder], [np.full(4, 9.0)], normal_prior(np.zeros(4), np.eye(4)), np.zeros((3, 4))
    )
    found = active_units(model, X)
    np.testing.assert_allclose(found.variances[0], (X @ encoder.T).var(axis=0, ddof=1))
    assert found.active[0].tolist() == [True, False, True, False]
    assert found.counts == (2,)
    assert model.passes == 2 * 2
    assert active_units(model, X, threshold=0.5).counts == (1,)


def test_noise_of_a_parent_is_no_activity(linear_model, normal_prior):
    # z_1 has two units, one without any signal; z_2 reads each of them, and the noise of z_1
    # makes the means of z_2 vary by 4 where x moves them by 0.09 and 0.
    model = linear_model(
        [[[0.3, 0.0, 0.0], [0.0, 0.0, 0.0]], np.eye(2)],
        [[4.0, 4.0], [1.0, 1.0]],
        normal_prior(np.zeros(2), np.eye(2)),
        np.zeros((3, 2)),
    )
    found = active_units(model, X, num_samples=200, seed=3)
    truth = [0.09 * X[:, 0].var(), 0.0]
    np.testing.assert_allclose(found.variances[0], truth, atol=2e-3)
    np.testing.assert_allclose(found.variances[1], truth, atol=1.2e-2)
    assert found.active[0].tolist() == [True, False]
    assert found.active[1].tolist() == [True, False]
    assert model.passes == 200 * 2


def test_draws_are_reproducible(linear_model, normal_prior):
    model = linear_model(
        [np.eye(2, 3), np.eye(2)],
        [[1.0, 1.0]] * 2,
        normal_prior(np.zeros(2), np.eye(2)),
        np.zeros((3, 2)),
    )
    first, again, other = (active_units(model, X, seed=seed).variances[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_arguments(linear_model, normal_prior):
    model = linear_model(
        [np.eye(2, 3)], [[1.0, 1.0]], normal_prior(np.zeros(2), np.eye(2)), np.zeros((3, 2))
    )
    with pytest.raises(DataError, match="n >= 2"):
        active_units(model, X[:1])
    with pytest.raises(ValueError, match="at least 2"):
        active_units(model, X, num_samples=1)
    for threshold in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="threshold"):
            active_units(model, X, threshold=threshold)
