"""The variational hierarchical prior against quadrature in one and two dimensions."""

import keras
import numpy as np
import pytest
from scipy import stats

from hiervae.priors.vhp import VariationalHierarchicalPrior
from hiervae.random import inject_noise
from tests.priors import quadrature
from tests.support.compiling import compiled_with_seed
from tests.support.models import (
    binary_data,
    compiled,
    context,
    numpy_of,
    small_model,
    tensor,
    vhp,
)
from tests.support.statistics import STANDARD_ERRORS, assert_mean, standard_error

NETWORK = {"name": "mlp", "hidden_units": (6,), "activation": "tanh"}
REPEATS = 4000
SAMPLE_COUNTS = (1, 4, 16, 64)


def built(dim, zeta_dim, num_samples=1, seed=2, **options) -> VariationalHierarchicalPrior:
    """A curved prior with an imperfect proposal: wide enough for weights of finite variance."""
    prior = VariationalHierarchicalPrior(zeta_dim, num_samples, network=NETWORK, **options)
    prior.prepare(context((4,), latent_dims=(dim,)))
    prior.build((None, dim))
    rng = np.random.default_rng(seed)
    generative, proposal = prior.generative_block, prior.proposal_block
    for weight in [*generative.trainable_variables, *prior.generative_head.trainable_variables]:
        weight.assign(rng.normal(scale=0.8, size=weight.shape))
    for weight in [*proposal.trainable_variables, *prior.proposal_head.trainable_variables]:
        weight.assign(rng.normal(scale=0.25, size=weight.shape))
    return prior


def estimates(prior, latent, num_samples):
    """Independent estimates of log p(z): (REPEATS, n) for latents (n, dim)."""
    prior.num_importance_samples = num_samples
    repeated = np.tile(latent, (REPEATS, 1)).astype("float32")
    function = compiled_with_seed(prior, lambda seed, z: prior.log_prob(z, seed=seed))
    return numpy_of(function(tensor(repeated))).reshape(REPEATS, len(latent))


@pytest.fixture(scope="module", params=[1, 2], ids=lambda dim: f"{dim}d")
def case(request):
    """A prior, some of its draws, their true log-density, and estimates of it by K."""
    dim = request.param
    prior = built(dim, dim)
    draws = numpy_of(prior.sample(5, seed=keras.random.SeedGenerator(5))).astype("float32")
    truth = quadrature.log_density(prior, draws, dim)
    by_count = {count: estimates(prior, draws, count) for count in SAMPLE_COUNTS}
    return prior, dim, truth, by_count


@pytest.mark.parametrize("count", SAMPLE_COUNTS)
def test_bound_never_exceeds_the_density(case, count):
    *_, truth, by_count = case
    found = by_count[count]
    excess = found.mean(axis=0) - truth
    assert np.all(excess <= STANDARD_ERRORS * standard_error(found)), excess


def test_bound_tightens_with_the_number_of_samples(case):
    *_, truth, by_count = case
    gaps = [truth - by_count[count].mean(axis=0) for count in SAMPLE_COUNTS]
    errors = [standard_error(by_count[count]) for count in SAMPLE_COUNTS]
    for (wide, e_wide), (tight, e_tight) in zip(
        zip(gaps, errors, strict=True), list(zip(gaps, errors, strict=True))[1:], strict=False
    ):
        assert np.all(wide - tight > -STANDARD_ERRORS * np.hypot(e_wide, e_tight))
    assert np.mean(gaps[0]) > 0.05, "the proposal is too good to show anything"
    assert np.mean(gaps[-1]) < 0.1 * np.mean(gaps[0])


@pytest.mark.parametrize("count", SAMPLE_COUNTS)
def test_exponential_of_the_estimate_is_unbiased(case, count):
    *_, truth, by_count = case
    ratios = np.exp(by_count[count] - truth)
    assert np.all(standard_error(ratios) < 0.05), "no test of anything"
    assert_mean(ratios, 1.0)


def test_draws_have_the_density(case):
    prior, dim, *_ = case
    draws = numpy_of(prior.sample(10_000, seed=keras.random.SeedGenerator(7)))
    centre, covariance = quadrature.moments(prior, dim)
    assert_mean(draws, centre)
    for i in range(draws.shape[1]):
        for j in range(i + 1):
            products = (draws[:, i] - centre[i]) * (draws[:, j] - centre[j])
            assert_mean(products, covariance[i, j])
        points = np.linspace(draws[:, i].min() - 0.1, draws[:, i].max() + 0.1, 400)
        cdf = quadrature.marginal_cdf(prior, i, points, dim)
        result = stats.kstest(draws[:, i], lambda z, p=points, c=cdf: np.interp(z, p, c))
        assert result.pvalue > 1e-5


def test_quadrature_itself_integrates_to_one():
    prior = built(1, 1)
    latent = np.linspace(-12.0, 12.0, 401)[:, None]
    density = np.exp(quadrature.log_density(prior, latent, 1))
    assert np.trapezoid(density, latent[:, 0]) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("evaluation", "training", "expected"),
    [(None, False, 3), (None, True, 3), (8, False, 8), (8, True, 3)],
)
def test_number_of_samples_in_and_outside_training(evaluation, training, expected):
    prior = built(2, 1, num_samples=3, evaluation_importance_samples=evaluation)
    shapes = []

    def source(kind, shape):
        shapes.append(tuple(shape))
        return np.zeros(shape)

    with inject_noise(source):
        prior.log_prob(tensor(np.zeros((4, 2))), training=training)
    assert shapes == [(4 * expected, 1)]


def test_another_number_of_samples_takes_effect_at_once():
    model = compiled(small_model(prior=vhp(1)))
    model.build((None, 6))
    rng = np.random.default_rng(0)
    for weight in model.prior.trainable_variables:
        weight.assign(rng.normal(size=weight.shape))
    x = binary_data(40)
    ways = {
        "log_likelihood": lambda: model.log_likelihood(x, 50, verbose=0).mean(),
        "evaluate": lambda: -model.evaluate(x, verbose=0)[0],
        "fit": lambda: -model.fit(x, verbose=0).history["loss"][0],
    }
    model.optimizer.learning_rate = 0.0
    few = {name: way() for name, way in ways.items()}
    model.prior.num_importance_samples = 200
    for name, way in ways.items():
        assert way() > few[name] + 0.3, name
    model.prior.num_importance_samples = 1
    assert ways["log_likelihood"]() == pytest.approx(few["log_likelihood"])


def test_it_is_an_estimate():
    prior = built(2, 2)
    assert not prior.is_exact
    assert prior.distribution() is None


def test_size_of_zeta_is_that_of_z_by_default():
    prior = built(3, None)
    assert tuple(prior.generative(tensor(np.zeros((4, 3)))).mean.shape) == (4, 3)
    assert tuple(built(3, 2).proposal(tensor(np.zeros((4, 3)))).mean.shape) == (4, 2)


@pytest.mark.parametrize(
    "name", ["latent_dim", "num_importance_samples", "evaluation_importance_samples"]
)
@pytest.mark.parametrize("value", [0, -1, 2.5, "3", True])
def test_bad_numbers(name, value):
    with pytest.raises(ValueError, match=f"{name}={value!r}: expected a positive integer, such as"):
        VariationalHierarchicalPrior(**{name: value})


def test_unknown_network():
    with pytest.raises(Exception, match="mpl") as error:
        VariationalHierarchicalPrior(network="mpl")
    assert "mlp" in str(error.value)


def test_bad_bounds_are_refused_when_the_prior_is_made():
    with pytest.raises(ValueError, match="log_variance_bounds"):
        VariationalHierarchicalPrior(log_variance_bounds=(1.0, 0.0))


def test_config_round_trip():
    prior = VariationalHierarchicalPrior(3, 7, 9, NETWORK, (-5.0, 2.0), name="p")
    config = prior.get_config()
    rebuilt = VariationalHierarchicalPrior.from_config(config)
    assert rebuilt.get_config() == config
    assert (rebuilt.latent_dim, rebuilt.num_importance_samples) == (3, 7)
    assert rebuilt.evaluation_importance_samples == 9
    assert rebuilt.network.hidden_units == (6,)


def test_a_subclass_with_options_of_its_own_alone_is_rebuilt():
    class Narrow(VariationalHierarchicalPrior):
        def __init__(self, width=1):
            super().__init__(latent_dim=width)

        def get_config(self):
            return {"width": self.latent_dim}

    assert Narrow.from_config(Narrow(3).get_config()).latent_dim == 3


def test_sizes_of_numpy_s_types(tmp_path):
    two = np.int64(2)
    network = {"name": "mlp", "hidden_units": (np.int64(5), 4)}
    options = {"num_importance_samples": two, "evaluation_importance_samples": two}
    model = small_model(prior={"name": "vhp", "latent_dim": two, "network": network, **options})
    model.build((None, 6))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.prior.get_config() == model.prior.get_config()
    assert model.prior.network.encoder_block(1, [(3,)]) is not None
