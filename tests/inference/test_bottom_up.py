"""Bottom-up inference over one to three levels, against its own networks run one by one."""

import keras
import numpy as np
import pytest
from scipy import stats

from hiervae.inference.bottom_up import BottomUp
from hiervae.networks import MLP
from tests.support import noise
from tests.support.models import context, numpy_of, tensor

RNG = np.random.default_rng(0)
EVENT = (3, 2)
DIMS = {1: (2,), 2: (4, 2), 3: (4, 3, 2)}
X = RNG.normal(size=(5, *EVENT)).astype("float32")


def built(levels, **options) -> BottomUp:
    scheme = BottomUp(**options)
    scheme.prepare(context(EVENT, MLP((6,), "tanh"), latent_dims=DIMS[levels]))
    scheme.build((None, *EVENT))
    return scheme


def mlp(block, head, inputs):
    """Mean and log-variance of a tanh block with its head, by NumPy."""
    kernel, bias = (numpy_of(weight) for weight in block.trainable_variables)
    hidden = np.tanh(inputs.reshape(len(inputs), -1) @ kernel + bias)
    kernel, bias = (numpy_of(weight) for weight in head.trainable_variables)
    mean, log_variance = np.split(hidden @ kernel + bias, 2, axis=-1)
    return mean, np.clip(log_variance, *head.log_variance_bounds)


@pytest.fixture(scope="module", params=[1, 2, 3])
def scheme(request):
    return built(request.param)


def test_pass_against_numpy(scheme):
    """Posteriors climb along draws; priors and features depend on the draws above them."""
    samples = 3
    with noise.same_noise_everywhere():
        outcome = scheme.infer(tensor(X), num_samples=samples)
    dims = scheme.context.latent_dims
    below, latents = np.tile(X, (samples, 1, 1)), []
    assert len(outcome.levels) == len(dims)
    for index, (level, dim) in enumerate(zip(outcome.levels, dims, strict=True)):
        block, head = scheme.encoders[index], scheme.posterior_heads[index]
        mean, log_variance = mlp(block, head, below)
        np.testing.assert_allclose(numpy_of(level.posterior.mean), mean, atol=1e-5)
        np.testing.assert_allclose(numpy_of(level.posterior.log_variance), log_variance, atol=1e-5)
        below = mean + np.exp(0.5 * log_variance) * noise.array("normal", 5 * samples, dim)
        np.testing.assert_allclose(numpy_of(level.latent), below, atol=1e-5)
        latents.append(below)
    for index, level in enumerate(outcome.levels[:-1]):
        block, head = scheme.decoders[index], scheme.prior_heads[index]
        mean, log_variance = mlp(block, head, latents[index + 1])
        np.testing.assert_allclose(numpy_of(level.conditional_prior.mean), mean, atol=1e-5)
        np.testing.assert_allclose(
            numpy_of(level.conditional_prior.log_variance), log_variance, atol=1e-5
        )
    assert outcome.levels[-1].conditional_prior is None
    kernel, bias = (numpy_of(weight) for weight in scheme.data_block.trainable_variables)
    expected = np.tanh(latents[0] @ kernel + bias)
    np.testing.assert_allclose(numpy_of(outcome.features), expected, atol=1e-5)
    assert outcome.components is None


def test_levels_are_drawn_before_those_that_condition_their_priors(scheme):
    """So that no closed form is taken where it would not bound log p(x)."""
    outcome = scheme.infer(tensor(X), seed=keras.random.SeedGenerator(0))
    assert not any(level.top_down for level in outcome.levels)


def test_means_instead_of_draws(scheme):
    outcome = scheme.infer(tensor(X), sample=False)
    for level in outcome.levels:
        np.testing.assert_array_equal(numpy_of(level.latent), numpy_of(level.posterior.mean))


def test_draws_have_the_posterior():
    scheme = built(1)
    outcome = scheme.infer(tensor(X), num_samples=4000, seed=keras.random.SeedGenerator(1))
    level = outcome.levels[0]
    draws = numpy_of(level.latent).reshape(4000, 5, 2)
    mean, deviation = numpy_of(level.posterior.mean)[:5], numpy_of(level.posterior.stddev)[:5]
    for row in range(5):
        for column in range(2):
            truth = stats.norm(mean[row, column], deviation[row, column])
            assert stats.kstest(draws[:, row, column], truth.cdf).pvalue > 1e-5


def test_pseudo_inputs_are_encoded_beside_the_batch(scheme):
    pseudo_inputs = tensor(RNG.normal(size=(4, *EVENT)))
    with noise.same_noise_everywhere():
        alone = scheme.infer(tensor(X), num_samples=2)
        together = scheme.infer(tensor(X), pseudo_inputs=pseudo_inputs, num_samples=2)
        components = scheme.encode_components(pseudo_inputs)
    for a, b in zip(alone.levels, together.levels, strict=True):
        np.testing.assert_allclose(numpy_of(a.latent), numpy_of(b.latent), atol=1e-6)
    assert tuple(together.components.mean.shape) == (4, scheme.context.prior_dim)
    np.testing.assert_allclose(
        numpy_of(together.components.mean), numpy_of(components.mean), atol=1e-6
    )
    np.testing.assert_allclose(
        numpy_of(together.components.log_variance), numpy_of(components.log_variance), atol=1e-6
    )


def test_generation_runs_down_the_conditional_priors(scheme):
    dims = scheme.context.latent_dims
    top = RNG.normal(size=(6, dims[-1])).astype("float32")
    for sample in (False, True):
        with noise.same_noise_everywhere():
            outcome = scheme.generate(tensor(top), sample=sample)
        latent, expected = top.astype("float64"), [top]
        for index in reversed(range(len(dims) - 1)):
            mean, log_variance = mlp(scheme.decoders[index], scheme.prior_heads[index], latent)
            spread = np.exp(0.5 * log_variance) * noise.array("normal", 6, dims[index])
            latent = mean + spread if sample else mean
            expected.insert(0, latent)
        for found, wanted in zip(outcome.latents, expected, strict=True):
            np.testing.assert_allclose(numpy_of(found), wanted, atol=1e-5)
        features = scheme.decode([tensor(wanted) for wanted in expected])
        np.testing.assert_allclose(numpy_of(outcome.features), numpy_of(features), atol=1e-5)


def test_a_part_outside_a_model_says_what_it_needs():
    with pytest.raises(RuntimeError, match=r"BottomUp was used before.*prepare\(context\)"):
        BottomUp().build((None, 4))


def test_config_round_trip():
    config = BottomUp(log_variance_bounds=(-4.0, 1.0), name="s").get_config()
    assert BottomUp.from_config(config).get_config() == config
    scheme = built(1, log_variance_bounds=(-0.001, 0.001))
    found = numpy_of(scheme.infer(tensor(50 * X), sample=False).levels[0].posterior.log_variance)
    assert np.abs(found).max() <= 0.0011
