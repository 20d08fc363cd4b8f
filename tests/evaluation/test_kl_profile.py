import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.evaluation import kl_profile

X = np.random.default_rng(99).normal(size=(600, 3))
ENCODER = np.array([[1.0, -0.5, 0.0], [0.2, 0.0, 0.3]])
VARIANCE = np.array([0.25, 1.7])
PRIOR_MEAN = np.array([0.5, -1.0])
PRIOR_VARIANCE = np.array([2.0, 0.6])


def normal_kl(mean_q, variance_q, mean_p, variance_p):
    """Textbook KL of one-dimensional normals, elementwise."""
    ratio = variance_q / variance_p
    return 0.5 * (ratio - 1.0 - np.log(ratio) + (mean_q - mean_p) ** 2 / variance_p)


def test_units_of_one_level_are_closed_form(linear_model, normal_prior):
    prior = normal_prior(PRIOR_MEAN, np.diag(PRIOR_VARIANCE))
    profile = kl_profile(linear_model([ENCODER], [VARIANCE], prior, np.zeros((3, 2))), X)
    expected = normal_kl(X @ ENCODER.T, VARIANCE, PRIOR_MEAN, PRIOR_VARIANCE).mean(axis=0)
    (term,) = profile.terms
    assert (term.name, term.is_estimate, term.prior_is_exact) == ("kl_1", False, True)
    np.testing.assert_allclose(term.per_unit, expected, rtol=1e-6)
    assert term.value == pytest.approx(expected.sum(), rel=1e-6)
    assert profile.total == pytest.approx(term.value)


def test_prior_that_is_no_product_has_no_units_and_is_an_estimate(linear_model, normal_prior):
    covariance = np.array([[2.0, 0.9], [0.9, 0.6]])
    prior = normal_prior(PRIOR_MEAN, covariance, known=False, is_exact=False)
    model = linear_model([ENCODER], [VARIANCE], prior, np.zeros((3, 2)))
    (term,) = kl_profile(model, X, num_samples=100).terms
    precision = np.linalg.inv(covariance)
    difference = X @ ENCODER.T - PRIOR_MEAN
    expected = 0.5 * (
        np.trace(precision @ np.diag(VARIANCE))
        + np.einsum("ni,ij,nj->n", difference, precision, difference).mean()
        - 2
        + np.log(np.linalg.det(covariance) / VARIANCE.prod())
    )
    assert term.value == pytest.approx(expected, rel=0.03)
    assert term.per_unit is None
    assert (term.is_estimate, term.prior_is_exact) == (True, False)


def test_levels_of_a_bottom_up_stack(linear_model, normal_prior):
    # z_2 is drawn from z_1, so that both terms are expectations over their joint draw:
    # z_1 - B z_2 = (I - B A_2) z_1 - B e with e the noise of z_2.
    above, below = np.array([[0.7, 0.4]]), np.array([[0.5], [-1.0]])
    model = linear_model(
        [ENCODER, above],
        [VARIANCE, [0.3]],
        normal_prior([0.0], [[1.0]]),
        np.zeros((3, 2)),
        down=(below, 0.8),
    )
    profile = kl_profile(model, X, num_samples=200)
    lower, upper = profile.terms
    mean = X @ ENCODER.T
    left = np.eye(2) - below @ above
    spread = left**2 @ VARIANCE + 0.3 * below[:, 0] ** 2
    squared = np.square(mean @ left.T).mean(axis=0) + spread
    bottom = 0.5 * (np.log(0.8 / VARIANCE) - 1.0 + squared / 0.8)
    top = normal_kl(mean @ above.T, 0.3, 0.0, 1.0).mean() + 0.5 * (above**2 @ VARIANCE)[0]
    np.testing.assert_allclose(lower.per_unit, bottom, rtol=0.02)
    np.testing.assert_allclose(upper.per_unit, [top], rtol=0.02)
    assert [(term.name, term.is_estimate) for term in profile.terms] == [
        ("kl_1", True),
        ("kl_2", False),
    ]
    assert profile.total == pytest.approx(lower.value + upper.value)
    assert model.passes == 200 * 2


def test_levels_of_a_top_down_stack(linear_model, normal_prior):
    above, below = np.array([[0.7, 0.4, 0.1]]), np.array([[0.5], [-1.0]])
    model = linear_model(
        [ENCODER, above],
        [VARIANCE, [0.3]],
        normal_prior([0.0], [[1.0]]),
        np.zeros((3, 2)),
        down=(below, 0.8),
        top_down=True,
    )
    lower, upper = kl_profile(model, X, num_samples=100).terms
    bottom = normal_kl(X @ ENCODER.T, VARIANCE, X @ above.T @ below.T, 0.8).mean(axis=0)
    bottom += 0.5 * 0.3 * below[:, 0] ** 2 / 0.8
    np.testing.assert_allclose(lower.per_unit, bottom, rtol=0.01)
    np.testing.assert_allclose(upper.value, normal_kl(X @ above.T, 0.3, 0.0, 1.0).mean())
    assert (lower.is_estimate, upper.is_estimate) == (False, False)


def test_flat_structure_splits_a_known_prior_and_joins_another(linear_model, normal_prior):
    encoders, variances = [ENCODER[:1], ENCODER[1:]], [VARIANCE[:1], VARIANCE[1:]]
    expected = normal_kl(X @ ENCODER.T, VARIANCE, PRIOR_MEAN, PRIOR_VARIANCE).mean(axis=0)
    for known in (True, False):
        prior = normal_prior(PRIOR_MEAN, np.diag(PRIOR_VARIANCE), known=known)
        model = linear_model(encoders, variances, prior, np.zeros((3, 1)), flat=True)
        terms = kl_profile(model, X, num_samples=1 if known else 100).terms
        if known:
            assert [term.name for term in terms] == ["kl_1", "kl_2"]
            np.testing.assert_allclose([term.value for term in terms], expected, rtol=1e-6)
        else:
            assert [(term.name, term.per_unit) for term in terms] == [("kl_1_to_2", None)]
            assert terms[0].value == pytest.approx(expected.sum(), rel=0.01)


def test_arguments(linear_model, normal_prior):
    model = linear_model([ENCODER], [VARIANCE], normal_prior(np.zeros(2), np.eye(2)), None)
    with pytest.raises(DataError, match="n >= 1"):
        kl_profile(model, X[:0])
    with pytest.raises(ValueError, match="num_samples"):
        kl_profile(model, X, num_samples=0)
