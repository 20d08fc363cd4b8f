"""Draws that something else is made of, as a scheme that wraps another one asks for."""

import keras
import numpy as np
import pytest
from keras import ops

from hiervae import HierarchicalVAE
from hiervae.evaluation import elbo_decomposition, kl_profile
from hiervae.inference.bottom_up import BottomUp
from hiervae.testing import ConformanceError, check_inference

SCHEMES = ["bottom_up", "top_down", "ladder", "vlae"]


def stretch(level, latent, normal):
    """z = 2 e + l, whose density is that of a wider normal."""
    size = ops.cast(latent.shape[-1], "float32")
    return 2.0 * latent + float(level), normal.log_prob(latent) - size * ops.log(2.0)


class Stretched(BottomUp):
    """A scheme that transforms its own draws."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.transform_draws(stretch)


class Miscounted(BottomUp):
    """The same without the determinant."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.transform_draws(
            lambda level, latent, normal: (2.0 * latent + float(level), normal.log_prob(latent))
        )


@pytest.fixture(params=SCHEMES)
def model(request):
    model = HierarchicalVAE(
        latent_dims=(2, 3),
        inference=request.param,
        network={"name": "mlp", "hidden_units": (8,)},
        seed=0,
    )
    model.build((None, 4))
    return model


def infer(model):
    x = np.eye(4, dtype="float32")
    seed = keras.random.SeedGenerator(0)
    encoded = model.inference.encode_examples(x)
    yield model.inference.infer(x, num_samples=3, seed=seed)
    yield model.inference.infer_encoded(encoded, num_samples=3, seed=keras.random.SeedGenerator(0))


def numpy(value):
    return np.asarray(ops.convert_to_numpy(value))


def test_no_transform_leaves_the_density_to_the_posterior(model):
    for outcome in infer(model):
        for level in outcome.levels:
            assert level.log_density is None
            np.testing.assert_array_equal(
                numpy(level.log_posterior()), numpy(level.posterior.log_prob(level.latent))
            )


def test_each_level_is_transformed_with_its_number(model):
    model.inference.transform_draws(stretch)
    for outcome in infer(model):
        for number, level in enumerate(outcome.levels, start=1):
            draw = (level.latent - float(number)) / 2.0
            expected = numpy(level.posterior.log_prob(draw)) - level.latent.shape[-1] * np.log(2.0)
            np.testing.assert_allclose(numpy(level.log_density), expected, atol=1e-4)
        features = model.inference.decode([level.latent for level in outcome.levels])
        np.testing.assert_allclose(numpy(features), numpy(outcome.features), atol=1e-5)
    model.inference.transform_draws(None)
    assert all(level.log_density is None for outcome in infer(model) for level in outcome.levels)


def test_no_kl_is_taken_in_closed_form(model):
    model.inference.transform_draws(stretch)
    x = np.eye(4, dtype="float32")
    terms = []
    for closed_form in (True, False):
        model.reset_generator(1)
        terms.append(numpy(model(x, return_terms=True, closed_form=closed_form).total_kl))
    np.testing.assert_array_equal(*terms)
    assert all(term.is_estimate and term.per_unit is None for term in kl_profile(model, x).terms)
    with pytest.raises(ValueError, match="not diagonal normals"):
        elbo_decomposition(model, x)


def test_the_kl_is_that_of_the_transformed_normal():
    model = HierarchicalVAE(
        latent_dims=2, inference="bottom_up", network={"name": "mlp", "hidden_units": (8,)}, seed=0
    )
    model.build((None, 4))
    x = np.eye(4, dtype="float32")
    (level,) = model.posterior(x).levels
    mean, variance = 2.0 * level.posterior.mean + 1.0, 4.0 * np.exp(level.posterior.log_variance)
    exact = 0.5 * (variance + mean**2 - 1.0 - np.log(variance)).sum(axis=1)
    model.inference.transform_draws(stretch)
    terms = model(x, return_terms=True, num_samples=20_000)
    estimate = numpy(terms.total_kl).mean(axis=0)
    np.testing.assert_allclose(estimate, exact, rtol=0.03)


@pytest.mark.compiles(0)
def test_the_kit_checks_the_density_of_draws():
    check_inference(Stretched)
    with pytest.raises(ConformanceError, match="log-determinants included") as caught:
        check_inference(Miscounted)
    assert caught.value.check == "draws"
