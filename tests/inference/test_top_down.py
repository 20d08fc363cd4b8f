"""Top-down inference over two and three levels, against its own networks run one by one."""

import numpy as np
import pytest

import hiervae
from tests.support import noise
from tests.support.dense_parts import assert_normal, built_scheme, features, parameters
from tests.support.models import numpy_of, tensor

RNG = np.random.default_rng(0)
EVENT = (3, 2)
DIMS = {2: (4, 2), 3: (4, 3, 2)}
SAMPLES = 3
X = RNG.normal(size=(5, *EVENT)).astype("float32")


@pytest.fixture(scope="module", params=[2, 3])
def scheme(request):
    return built_scheme("top_down", EVENT, DIMS[request.param])


def test_pass_against_numpy(scheme):
    """x and all levels above enter each posterior; all levels above each prior and the decoder."""
    with noise.same_noise_everywhere():
        outcome = scheme.infer(tensor(X), num_samples=SAMPLES)
    x, above = np.tile(X, (SAMPLES, 1, 1)), []
    for index in reversed(range(len(scheme.context.latent_dims))):
        level = outcome.levels[index]
        hidden = features(scheme.encoders[index], [x, *above])
        mean, log_variance = parameters(scheme.posterior_heads[index], hidden)
        assert_normal(level.posterior, (mean, log_variance))
        assert level.top_down is bool(above)
        if above:
            hidden = features(scheme.decoders[index], above)
            assert_normal(level.conditional_prior, parameters(scheme.prior_heads[index], hidden))
        else:
            assert level.conditional_prior is None
        latent = mean + np.exp(0.5 * log_variance) * noise.array("normal", *mean.shape)
        np.testing.assert_allclose(numpy_of(level.latent), latent, atol=2e-5)
        above.insert(0, latent)
    decoded = features(scheme.data_block, above)
    np.testing.assert_allclose(numpy_of(outcome.features), decoded, atol=2e-5)


def test_two_levels_are_the_published_model(scheme):
    """q(z_2 | x), q(z_1 | x, z_2), p(z_1 | z_2), p(x | z_1, z_2) (Tomczak & Welling 2018)."""
    levels = scheme.context.num_levels
    inputs = [len(block.branches) for block in scheme.encoders]
    assert inputs == [levels - index for index in range(levels)]
    assert [len(block.branches) for block in scheme.decoders] == inputs[1:]
    assert len(scheme.data_block.branches) == levels


def test_generation_runs_down_all_conditional_priors(scheme):
    dims = scheme.context.latent_dims
    top = RNG.normal(size=(6, dims[-1])).astype("float32")
    for sample in (False, True):
        with noise.same_noise_everywhere():
            outcome = scheme.generate(tensor(top), sample=sample)
        above = [top.astype("float64")]
        for index in reversed(range(len(dims) - 1)):
            hidden = features(scheme.decoders[index], above)
            mean, log_variance = parameters(scheme.prior_heads[index], hidden)
            spread = np.exp(0.5 * log_variance) * noise.array("normal", 6, dims[index])
            above.insert(0, mean + spread if sample else mean)
        for found, wanted in zip(outcome.latents, above, strict=True):
            np.testing.assert_allclose(numpy_of(found), wanted, atol=2e-5)
        decoded = features(scheme.data_block, above)
        np.testing.assert_allclose(numpy_of(outcome.features), decoded, atol=2e-5)


def test_every_level_reaches_the_data(scheme):
    latents = [RNG.normal(size=(1, dim)) for dim in scheme.context.latent_dims]
    before = numpy_of(scheme.decode([tensor(latent) for latent in latents]))
    for index in range(len(latents)):
        moved = [latent + (each == index) for each, latent in enumerate(latents)]
        after = numpy_of(scheme.decode([tensor(latent) for latent in moved]))
        assert np.abs(after - before).max() > 1e-3


def test_one_level_is_refused():
    with pytest.raises(ValueError, match=r"one level, latent_dims=\(3,\).*inference='bottom_up'"):
        hiervae.HierarchicalVAE(3, inference="top_down").build((None, 4))


def test_an_untrained_model_starts_with_a_small_kl():
    model = hiervae.HierarchicalVAE((8, 8, 8), inference="top_down", seed=0)
    model.build((None, 20))
    x = (RNG.random((30, 20)) < 0.5).astype("float32")
    assert 0.0 < hiervae.evaluation.kl_profile(model, x).total < 90.0
