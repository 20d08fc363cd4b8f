"""Ladder inference against Bayes' rule, and against its own networks run one by one."""

import keras
import numpy as np
import pytest
from scipy import stats

import hiervae
from hiervae.distributions import DiagonalNormal
from hiervae.inference.ladder import Ladder, merge
from hiervae.model.objective import kl_terms
from tests.support import noise
from tests.support.dense_parts import assert_normal, built_scheme, features, kl, parameters
from tests.support.fixed_prior import FixedPrior
from tests.support.linear_schemes import joining
from tests.support.models import numpy_of, tensor
from tests.support.statistics import assert_mean

RNG = np.random.default_rng(0)
EVENT = (3, 2)
DIMS = (4, 3, 2)
SAMPLES = 3
X = RNG.normal(size=(5, *EVENT)).astype("float32")


def precision_weighted(first, second):
    """Sønderby et al. (2016), Eqs. 17-18, in double precision."""
    (mean, log_variance), (other, other_log_variance) = first, second
    precision = np.exp(-log_variance) + np.exp(-other_log_variance)
    weighted = mean * np.exp(-log_variance) + other * np.exp(-other_log_variance)
    return weighted / precision, -np.log(precision)


@pytest.fixture(scope="module", params=[True, False], ids=["shared", "own top-down"])
def scheme(request):
    return built_scheme("ladder", EVENT, DIMS, share_top_down=request.param)


def test_merge_is_bayes_rule():
    """The product of both densities over the merged one is the same number everywhere."""
    first, second = (
        (RNG.normal(size=3), RNG.normal(size=3)),
        (RNG.normal(size=3), RNG.normal(size=3)),
    )
    merged = merge(*(DiagonalNormal(*map(tensor, pair)) for pair in (first, second)))
    z = np.linspace(-3.0, 3.0, 50)[:, None]
    densities = [stats.norm(mean, np.exp(0.5 * log)) for mean, log in (first, second)]
    deviation = np.exp(0.5 * numpy_of(merged.log_variance))
    product = sum(density.logpdf(z) for density in densities)
    evidence = product - stats.norm(numpy_of(merged.mean), deviation).logpdf(z)
    np.testing.assert_allclose(evidence - evidence[0], 0.0, atol=1e-4)


@pytest.mark.parametrize("log_variance", [-60.0, -10.0, 0.0, 5.0, 60.0])
@pytest.mark.parametrize("other_log_variance", [-60.0, 0.0, 60.0])
def test_merge_of_extreme_variances(log_variance, other_log_variance):
    first = np.array([2.0, -700.0]), np.full(2, log_variance)
    second = np.array([-1.0, 3.0]), np.full(2, other_log_variance)
    merged = merge(*(DiagonalNormal(*map(tensor, pair)) for pair in (first, second)))
    mean, log = precision_weighted(first, second)
    np.testing.assert_allclose(numpy_of(merged.mean), mean, rtol=1e-5)
    np.testing.assert_allclose(numpy_of(merged.log_variance), log, rtol=1e-6, atol=1e-6)


def test_pass_against_numpy(scheme):
    with noise.same_noise_everywhere():
        outcome = scheme.infer(tensor(X), num_samples=SAMPLES)
    climbed, hidden = [], X
    for block in scheme.encoders:
        hidden = features(block, [hidden])
        climbed.append(hidden)
    latent = None
    for index in reversed(range(len(DIMS))):
        level = outcome.levels[index]
        evidence = parameters(scheme.posterior_heads[index], climbed[index])
        posterior = tuple(np.tile(value, (SAMPLES, 1)) for value in evidence)
        if latent is None:
            assert level.conditional_prior is None
        else:
            assert level.top_down
            prior = parameters(
                scheme.prior_heads[index], features(scheme.decoders[index], [latent])
            )
            assert_normal(level.conditional_prior, prior)
            expected = prior
            if not scheme.share_top_down:
                own = features(scheme.top_down_blocks[index], [latent])
                expected = parameters(scheme.top_down_heads[index], own)
            posterior = precision_weighted(posterior, expected)
        assert_normal(level.posterior, posterior)
        mean, log_variance = posterior
        draw = noise.array("normal", *mean.shape)
        latent = mean + np.exp(0.5 * log_variance) * draw
        np.testing.assert_allclose(numpy_of(level.latent), latent, atol=2e-5)
    np.testing.assert_allclose(
        numpy_of(outcome.features), features(scheme.data_block, [latent]), atol=2e-5
    )


def test_kl_is_against_the_generative_conditional(scheme):
    """And not against the normal that comes from below, which is far from it here."""
    prior = FixedPrior()
    prior.prepare(scheme.context)
    outcome = scheme.infer(tensor(X), num_samples=4000, seed=keras.random.SeedGenerator(0))
    terms = [
        kl_terms(outcome, scheme, prior, closed_form, None, False) for closed_form in (True, False)
    ]
    below = X
    for index, level in enumerate(outcome.levels[:-1]):
        pairs = [
            (numpy_of(each.mean), numpy_of(each.log_variance))
            for each in (level.posterior, level.conditional_prior)
        ]
        closed, estimate = (numpy_of(each[f"kl_{index + 1}"]) for each in terms)
        np.testing.assert_allclose(closed, kl(*pairs), rtol=1e-3, atol=1e-4)
        assert_mean((closed - estimate).reshape(4000, -1), 0.0)
        below = features(scheme.encoders[index], [below])
        from_below = parameters(scheme.posterior_heads[index], below)
        other = kl(pairs[0], tuple(np.tile(value, (4000, 1)) for value in from_below))
        assert abs(closed.mean() - other.mean()) > 0.1


def test_one_level_is_the_plain_vae():
    ladder, plain = (built_scheme(name, EVENT, (2,)) for name in ("ladder", "bottom_up"))
    with noise.same_noise_everywhere():
        first, second = (each.infer(tensor(X), num_samples=2) for each in (ladder, plain))
    np.testing.assert_array_equal(numpy_of(first.features), numpy_of(second.features))


def test_own_top_down_needs_a_network_that_makes_new_layers():
    with pytest.raises(ValueError, match=r"share_top_down=False .*same layer twice"):
        built_scheme("ladder", (3,), (2, 2), joining("ladder", 2), share_top_down=False)


def test_own_top_down_network_is_no_part_of_the_generative_model():
    scheme = built_scheme("ladder", EVENT, DIMS, share_top_down=False)
    top = tensor(RNG.normal(size=(4, DIMS[-1])))
    before = numpy_of(scheme.generate(top, sample=False).features)
    changed = [*scheme.top_down_heads, *scheme.top_down_blocks]
    for weight in (weight for layer in changed for weight in layer.trainable_variables):
        weight.assign(weight + 1.0)
    np.testing.assert_array_equal(numpy_of(scheme.generate(top, sample=False).features), before)


@pytest.mark.parametrize("levels", [2, 5])
def test_an_untrained_model_starts_with_a_small_kl(levels):
    model = hiervae.HierarchicalVAE((8,) * levels, inference="ladder", seed=0)
    model.build((None, 20))
    x = (RNG.random((30, 20)) < 0.5).astype("float32")
    total = hiervae.evaluation.kl_profile(model, x).total
    assert 0.0 < total < 30.0 * levels


def test_config_round_trip():
    options = {"share_top_down": False, "variance": "softplus", "head_batch_norm": True}
    config = Ladder(**options, log_variance_bounds=(-4.0, 1.0)).get_config()
    assert Ladder.from_config(config).get_config() == config
    assert config.items() >= options.items()
    with pytest.raises(ValueError, match=r"variance='square'.*'exp', 'softplus', 'sigmoid'"):
        Ladder(variance="square")
