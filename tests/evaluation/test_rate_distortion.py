import numpy as np
import pytest

from hiervae.errors import DataError, NonFiniteLossError
from hiervae.evaluation import (
    active_units,
    elbo_decomposition,
    kl_profile,
    latent_pca,
    rate_distortion,
)
from tests.support.models import binary_data, small_model, vhp

X = np.random.default_rng(99).normal(size=(500, 3))
ENCODER = np.array([[1.0, -0.5, 0.0], [0.2, 0.0, 0.3]])
VARIANCE = np.array([0.25, 1.7])
DECODER = np.array([[0.6, 0.1], [-0.4, 1.0], [0.3, 0.2]])


def test_both_are_those_of_a_linear_gaussian_model(linear_model, normal_prior):
    prior = normal_prior([0.0, 0.0], np.eye(2))
    model = linear_model([ENCODER], [VARIANCE], prior, DECODER, noise=0.5)
    found = rate_distortion(model, X, num_samples=200)
    means = X @ ENCODER.T
    rate = 0.5 * (np.square(means).sum(axis=1).mean() + (VARIANCE - 1 - np.log(VARIANCE)).sum())
    squared = np.square(X - means @ DECODER.T).sum(axis=1).mean()
    squared += (np.square(DECODER) * VARIANCE).sum()
    distortion = 0.5 * (squared / 0.5 + 3 * np.log(2 * np.pi * 0.5))
    assert found.rate == pytest.approx(rate, rel=1e-5)
    assert found.distortion == pytest.approx(distortion, rel=0.01)
    assert found.elbo == pytest.approx(-rate - distortion, rel=0.01)


@pytest.mark.compiles(1)
@pytest.mark.parametrize("prior", ["standard_normal", vhp()])
def test_their_sum_is_the_negative_elbo_of_the_model(prior):
    x = binary_data(40)
    model = small_model(latent_dims=(3, 2), prior=prior)
    model.build((None, x.shape[1]))
    for variable in model.trainable_variables:  # so that sampled terms have no heavy tails
        variable.assign(0.3 * variable)
    found = rate_distortion(model, x, num_samples=400)
    assert found.elbo == pytest.approx(model.elbo(x, num_samples=2000).mean(), abs=0.05)
    assert list(found.level_rates) == ["kl_1", "kl_2"]
    assert found.rate == pytest.approx(sum(found.level_rates.values()))


def test_greys_are_refused_where_the_likelihood_is_of_zeros_and_ones():
    model = small_model()
    with pytest.raises(DataError, match="binari"):
        rate_distortion(model, 0.5 * binary_data(10))
    with pytest.raises(DataError, match="binari"):
        elbo_decomposition(model, 0.5 * binary_data(10))


def test_a_model_that_diverged_is_told():
    model = small_model()
    x = binary_data(10)
    model.build((None, x.shape[1]))
    for weight in model.trainable_variables:
        weight.assign(np.nan * weight)
    for measure in (rate_distortion, elbo_decomposition, kl_profile, active_units, latent_pca):
        with pytest.raises(NonFiniteLossError, match="came out NaN or infinite"):
            measure(model, x)


def test_wrong_arguments_are_refused(linear_model, normal_prior):
    model = linear_model([ENCODER], [VARIANCE], normal_prior([0.0, 0.0], np.eye(2)), DECODER)
    with pytest.raises(ValueError, match="num_samples"):
        rate_distortion(model, X, num_samples=0)
    with pytest.raises(DataError, match="n >= 1"):
        rate_distortion(model, X[:0])
