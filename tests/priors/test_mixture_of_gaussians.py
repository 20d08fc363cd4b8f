import keras
import numpy as np
import pytest

import hiervae
from hiervae.priors.mixture_of_gaussians import MixtureOfGaussians
from tests.priors import mixtures
from tests.support.models import binary_data, compiled, numpy_of, small_model, tensor, weights_of


def test_log_prob_of_the_learned_components():
    prior = mixtures.built(MixtureOfGaussians(6, "learned"), 3)
    rng = np.random.default_rng(0)
    mean, log_variance = rng.normal(size=(2, 6, 3))
    weights = rng.dirichlet(np.ones(6))
    prior.means.assign(mean)
    prior.log_variances.assign(log_variance)
    mixtures.set_weights(prior, weights)
    latent = rng.normal(size=(20, 3))
    expected = mixtures.log_density(latent, mean, log_variance, weights)
    np.testing.assert_allclose(numpy_of(prior.log_prob(tensor(latent))), expected, rtol=1e-4)
    assert prior.is_exact
    assert prior.pseudo_inputs is None
    assert prior.distribution() is None


def test_start():
    model = small_model(prior={"name": "mixture_of_gaussians", "num_components": 400}, seed=3)
    model.build((None, 6))
    mean, log_variance = mixtures.parameters(model.prior)
    assert abs(mean.mean()) < 0.2
    assert 0.9 < mean.std() < 1.1
    assert np.all(log_variance == 0.0)
    again = small_model(prior={"name": "mixture_of_gaussians", "num_components": 400}, seed=3)
    again.build((None, 6))
    np.testing.assert_array_equal(mixtures.parameters(again.prior)[0], mean)


@pytest.mark.parametrize(("bounds", "start"), [((-6.0, 2.0), 0.0), ((-6.0, -2.0), -4.0)])
def test_log_variances_start_inside_their_bounds_and_stay_there(bounds, start):
    prior = mixtures.built(MixtureOfGaussians(3, log_variance_bounds=bounds), 2)
    assert np.all(mixtures.parameters(prior)[1] == start)
    prior.log_variances.assign([[-50.0, 50.0]] * 3)
    np.testing.assert_array_equal(mixtures.parameters(prior)[1], [bounds] * 3)


def test_bad_bounds():
    with pytest.raises(ValueError, match="log_variance_bounds"):
        MixtureOfGaussians(log_variance_bounds=(1.0, 0.0))


@pytest.mark.compiles(1)
@pytest.mark.parametrize("latent_dims", [2, (3, 2)])
def test_in_a_model(latent_dims, tmp_path):
    prior = {"name": "mixture_of_gaussians", "num_components": 5, "weights": "learned"}
    model = compiled(small_model(latent_dims=latent_dims, prior=prior))
    x = binary_data(32)
    model.fit(x, batch_size=16, verbose=0)
    before = weights_of(model.prior)
    model.fit(x, batch_size=16, verbose=0)
    assert len(before) == 3
    for path, value in weights_of(model.prior).items():
        assert np.any(value != before[path]), path
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert isinstance(loaded, hiervae.HierarchicalVAE)
    assert loaded.prior.get_config() == model.prior.get_config()
    for each in (model, loaded):
        assert each.sample(7, seed=1, component=4).shape == (7, 6)
    np.testing.assert_array_equal(loaded.sample(7, seed=1), model.sample(7, seed=1))
    np.testing.assert_allclose(
        loaded.log_likelihood(x[:4], 20), model.log_likelihood(x[:4], 20), rtol=1e-5
    )
    with pytest.raises(ValueError, match="component=5: the prior has 5 components"):
        model.sample(7, component=5)


def test_weights_are_in_full_precision():
    """Half precision tells 500 weights from each other only roughly, and adds them up to less."""
    prior = MixtureOfGaussians(500, weights="learned", dtype="bfloat16")
    log_weights = mixtures.built(prior, 2).log_weights()
    assert keras.backend.standardize_dtype(log_weights.dtype) == "float32"
    np.testing.assert_allclose(np.exp(numpy_of(log_weights)), 1.0 / 500, rtol=1e-5)
