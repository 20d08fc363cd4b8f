from importlib.metadata import entry_points

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE, evaluation, registry
from hiervae.inference import InferenceScheme
from hiervae.inference.bottom_up import BottomUp
from hiervae.inference.passes import InferencePass, Level
from hiervae.testing import check_inference
from keras import ops
from scipy import stats

from hiervae_flows import InverseAutoregressivePosterior

NETWORK = {"name": "mlp", "hidden_units": (8,)}


def numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def wrapped(scheme="bottom_up", **options):
    return {"name": "iaf_posterior", "scheme": scheme, "hidden_units": (8,), **options}


def built(latent_dims=2, inference=None, scale=0.4, **arguments):
    """A model of 4 binary values whose flows are away from the identity."""
    inference = wrapped() if inference is None else inference
    model = HierarchicalVAE(
        latent_dims=latent_dims, inference=inference, network=NETWORK, seed=0, **arguments
    )
    model.build((None, 4))
    generator = np.random.default_rng(0)
    for weight in model.inference.trainable_variables:
        shape = tuple(weight.shape)
        noise = generator.standard_normal(shape)
        weight.assign(scale * noise / np.sqrt(max(1, np.prod(shape[:-1]))))
    return model


def examples(number=6):
    return (np.random.default_rng(1).random((number, 4)) < 0.5).astype("float32")


@pytest.mark.parametrize("scheme", ["bottom_up", "top_down", "ladder", "vlae"])
def test_it_keeps_the_contract_of_an_inference_scheme(scheme):
    check_inference("iaf_posterior", scheme=scheme, hidden_units=(8,))


def test_it_keeps_the_contract_with_options():
    scheme = {"name": "bottom_up", "variance": "softplus"}
    options = {"num_layers": 1, "ordering": "random", "log_scale_bound": 1.0}
    check_inference("iaf_posterior", scheme=scheme, hidden_units=(8, 8), **options)


def test_the_density_by_quadrature():
    model = built()
    x = examples(1)
    outcome = model.inference.infer(x, num_samples=20_000, seed=keras.random.SeedGenerator(0))
    (level,) = outcome.levels
    normal = level.posterior[:1]
    axis = np.linspace(-30.0, 30.0, 601)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    points = ops.convert_to_tensor(grid.astype("float32"))
    context = ops.concatenate([normal.mean, normal.log_variance], axis=-1)
    context = ops.tile(context, (len(grid), 1))
    noise, log_det = model.inference.flows[0].to_noise(points, context)
    mean, stddev = numpy(normal.mean), numpy(normal.stddev)
    log_density = stats.norm.logpdf(numpy(noise), mean, stddev).sum(axis=1) + numpy(log_det)
    cells = np.exp(log_density) * (axis[1] - axis[0]) ** 2
    assert cells.sum() == pytest.approx(1.0, abs=0.02)
    draws = numpy(level.latent)
    for function in (np.tanh, lambda z: np.tanh(0.2 * z), lambda z: z > 1.0):
        expected = (cells[:, None] * function(grid)).sum(axis=0)
        np.testing.assert_allclose(function(draws).mean(axis=0), expected, atol=0.03)
    nearest = np.exp(numpy(level.log_density)[:, None])
    entropy = -(cells * log_density)[cells > 0].sum()
    assert -np.log(nearest).mean() == pytest.approx(entropy, abs=0.05)


def test_the_log_likelihood_is_that_of_another_proposal():
    flow = built()
    bias = flow.inference.scheme.posterior_heads[0].dense.bias
    bias.assign([0.0, 0.0, 2.0, 2.0])  # wider than the true posterior, as proposals should be
    plain = HierarchicalVAE(latent_dims=2, inference="bottom_up", network=NETWORK, seed=0)
    plain.build((None, 4))
    for target, source in (
        (plain.inference, flow.inference.scheme),
        (plain.likelihood, flow.likelihood),
    ):
        for to, weight in zip(target.variables, source.variables, strict=True):
            to.assign(weight)
    x = examples(3)
    expected = plain.log_likelihood(x, num_samples=20_000, verbose=0)
    np.testing.assert_allclose(
        flow.log_likelihood(x, num_samples=20_000, verbose=0), expected, atol=0.05
    )
    assert (flow.elbo(x, num_samples=2000) < expected - 0.01).all()


@pytest.mark.parametrize("scheme", ["top_down", "ladder", "bottom_up"])
def test_the_other_levels_see_the_transformed_latent(scheme):
    model = built((2, 3), wrapped(scheme))

    def levels():
        generator = keras.random.SeedGenerator(0)
        return model.inference.infer(examples(), seed=generator).levels

    before = levels()
    given = model.inference.conditional_prior([before[1].latent])
    np.testing.assert_allclose(
        numpy(given.mean), numpy(before[0].conditional_prior.mean), atol=1e-5
    )
    first, second = (0, 1) if scheme == "bottom_up" else (1, 0)
    for weight in model.inference.flows[first].trainable_variables:
        weight.assign(0.0 * weight)
    after = levels()
    np.testing.assert_array_equal(
        numpy(after[first].posterior.mean), numpy(before[first].posterior.mean)
    )
    moved = numpy(after[second].posterior.mean) - numpy(before[second].posterior.mean)
    assert np.abs(moved).min() > 0.0


def test_a_flow_at_the_identity_leaves_the_scheme_as_it_is():
    model = built()
    for weight in model.inference.flows[0].trainable_variables:
        weight.assign(0.0 * weight)
    (level,) = model.inference.infer(examples(), seed=keras.random.SeedGenerator(0)).levels
    (plain,) = model.posterior(examples()).levels
    density = level.posterior.log_prob(level.latent)
    np.testing.assert_allclose(numpy(level.log_density), numpy(density), atol=1e-5)
    np.testing.assert_allclose(numpy(plain.log_density), numpy(plain.log_posterior()), atol=1e-5)


@pytest.mark.parametrize("prior", ["standard_normal", {"name": "vamp", "num_components": 3}])
def test_the_kl_profile_is_the_monte_carlo_kl(prior):
    model = built((2, 2), wrapped("top_down"), prior=prior)
    x = np.repeat(examples(4), 500, axis=0)
    profile = evaluation.kl_profile(model, x)
    assert all(term.is_estimate and term.per_unit is None for term in profile.terms)
    terms = model(x, return_terms=True)
    kl = {name: numpy(entry).mean() for name, entry in terms.kl.items()}
    for term in profile.terms:
        assert term.value == pytest.approx(kl[term.name], abs=0.15, rel=0.05)


def test_active_units_are_those_of_the_latents():
    model = built()
    found = evaluation.active_units(model, examples(16), num_samples=400)
    x = np.repeat(examples(16), 2000, axis=0)
    means = model.encode(x, sample=True)[0].reshape(16, 2000, 2).mean(axis=1)
    np.testing.assert_allclose(found.variances[0], means.var(axis=0, ddof=1), rtol=0.2, atol=0.05)


def test_what_needs_the_density_everywhere_is_refused():
    with pytest.raises(ValueError, match="are not diagonal normals"):
        evaluation.elbo_decomposition(built(), examples())


class DrawsByItself(BottomUp):
    """A scheme of before there was `draw_level`."""

    def infer(self, inputs, *args, **kwargs):
        outcome = super().infer(inputs, *args, **kwargs)
        levels = tuple(Level(level.latent, level.posterior) for level in outcome.levels)
        return InferencePass(levels, outcome.features)


class KnowsItsDensities(BottomUp):
    """A scheme that transforms nothing and yet gives the densities of its draws."""

    def transform_draws(self, transform):
        pass

    def infer(self, inputs, *args, **kwargs):
        outcome = super().infer(inputs, *args, **kwargs)
        levels = tuple(
            Level(level.latent, level.posterior, log_density=level.posterior.log_prob(level.latent))
            for level in outcome.levels
        )
        return InferencePass(levels, outcome.features)


@pytest.mark.parametrize("scheme", [DrawsByItself, KnowsItsDensities])
def test_a_scheme_that_cannot_be_wrapped_is_refused(scheme):
    inference = InverseAutoregressivePosterior(scheme())
    model = HierarchicalVAE(latent_dims=2, inference=inference, network=NETWORK)
    model.build((None, 4))
    with pytest.raises(ValueError, match=f"{scheme.__name__} draws a level by itself"):
        model.inference.infer(examples())


def test_a_scheme_whose_draws_are_transformed_is_not_wrapped_again():
    with pytest.raises(ValueError, match="transforms its draws itself"):
        InverseAutoregressivePosterior(wrapped())


@pytest.mark.parametrize("options", [{"num_layers": 0}, {"hidden_units": "many"}])
def test_options_that_are_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        registry.create("hiervae.inference", wrapped(**options), InferenceScheme)


def test_it_is_found_by_its_entry_point():
    (point,) = entry_points(group="hiervae.inference", name="iaf_posterior")
    assert point.load() is InverseAutoregressivePosterior
    assert point.dist.name == "hiervae-flows"
