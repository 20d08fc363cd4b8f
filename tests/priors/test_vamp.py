"""The VampPrior and its variant of training examples, alone and in models."""

import resource

import keras
import numpy as np
import pytest
from scipy import stats

from hiervae.errors import DataError
from hiervae.priors.vamp import VampPrior
from hiervae.priors.vamp_data import VampDataPrior
from tests.priors import mixtures
from tests.support.models import (
    binary_data,
    compiled,
    numpy_of,
    pass_through,
    set_normal_head,
    small_model,
    tensor,
)
from tests.support.noise import same_noise_everywhere

X = binary_data(32)
NUM = 5


def vamp_model(name="vamp", latent_dims=2, likelihood="bernoulli", num=NUM, **options):
    """A built model; one of training examples has some."""
    inference = options.pop("inference", "bottom_up")
    prior = {"name": name, "num_components": num, **options}
    model = small_model(
        prior=prior, latent_dims=latent_dims, likelihood=likelihood, inference=inference
    )
    model.build((None, 6))
    if name == "vamp_data":
        model.prior.adapt(X)
    return model


@pytest.mark.parametrize("name", ["vamp", "vamp_data"])
@pytest.mark.parametrize("num", [1, NUM])
def test_density_is_the_mixture_of_the_encoder_s_posteriors(name, num):
    model = vamp_model(name, num=num, weights="learned")
    weights = np.random.default_rng(0).dirichlet(np.ones(num))
    if num > 1:
        mixtures.set_weights(model.prior, weights)
    if name == "vamp":
        model.prior.inputs.assign(np.random.default_rng(1).random((num, 6)))
    inputs = numpy_of(model.prior.pseudo_inputs)
    posterior = model.posterior(inputs).levels[0].posterior
    latent = np.random.default_rng(2).normal(size=(20, 2))
    expected = mixtures.log_density(latent, posterior.mean, posterior.log_variance, weights)
    np.testing.assert_allclose(model.prior_log_prob(latent), expected, rtol=1e-4)


def test_kl_in_a_step_is_against_the_components_of_its_pass():
    model = vamp_model()
    model.prior.inputs.assign(np.random.default_rng(1).random((NUM, 6)))
    components = model.posterior(numpy_of(model.prior.pseudo_inputs)).levels[0].posterior
    posterior = model.posterior(X).levels[0].posterior
    with same_noise_everywhere():
        terms = model(tensor(X), return_terms=True)
        latent = numpy_of(model.inference.infer(tensor(X)).levels[0].latent)
    log_prior = mixtures.log_density(latent, components.mean, components.log_variance)
    scale = np.exp(0.5 * posterior.log_variance)
    log_posterior = stats.norm(posterior.mean, scale).logpdf(latent).sum(axis=-1)
    np.testing.assert_allclose(
        numpy_of(terms.kl["kl_1"])[0], log_posterior - log_prior, rtol=1e-4, atol=1e-4
    )


def test_gradients_reach_pseudo_inputs_and_encoder_through_the_components():
    """The movement of a step of plain gradient descent against finite differences of the loss."""
    model = compiled(vamp_model(weights="learned"), keras.optimizers.SGD(1.0))
    model.prior.inputs.assign(np.random.default_rng(1).uniform(0.2, 0.8, (NUM, 6)))
    groups = {
        "pseudo-inputs": [model.prior.inputs],
        "weights": [model.prior.trainable_variables[0]],
        "encoder": [
            weight
            for part in (model.inference.encoders[0], model.inference.posterior_heads[0])
            for weight in part.trainable_variables
        ],
    }
    start = [numpy_of(weight) for weight in model.trainable_variables]

    def loss():
        terms = model(tensor(X), return_terms=True)
        return float(np.mean(numpy_of(terms.total_kl - terms.log_likelihood)))

    slopes, directions = {}, {}
    with same_noise_everywhere():
        for name, members in groups.items():
            rng = np.random.default_rng(4)
            directions[name] = [rng.normal(size=member.shape) for member in members]
            values = []
            for step in (-3e-3, 3e-3):
                for member, direction in zip(members, directions[name]):
                    member.assign_add(step * direction)
                values.append(loss())
                for weight, value in zip(model.trainable_variables, start):
                    weight.assign(value)
            slopes[name] = (values[1] - values[0]) / 6e-3
        before = {name: [numpy_of(m) for m in members] for name, members in groups.items()}
        model.fit(X, batch_size=len(X), shuffle=False, verbose=0)
    for name, members in groups.items():
        moved = [old - numpy_of(member) for old, member in zip(before[name], members)]
        slope = sum(np.sum(m * d) for m, d in zip(moved, directions[name]))
        assert abs(slopes[name]) > 1e-3, "no test of anything"
        assert slope == pytest.approx(slopes[name], rel=0.02, abs=1e-3), name


@pytest.mark.parametrize("name", ["vamp", "vamp_data"])
def test_draws_use_all_pseudo_inputs(name):
    """The encoder maps the first pixel far apart, so that a draw shows its pseudo-input."""
    num = 8
    model = small_model(
        prior={"name": name, "num_components": num},
        latent_dims=1,
        likelihood="gaussian",
        network=pass_through(),
    )
    model.build((None, 6))
    inputs = np.zeros((num, 6), "float32")
    inputs[:, 0] = np.arange(num)
    kernel = np.zeros((6, 1))
    kernel[0] = 100.0
    set_normal_head(model.inference.posterior_heads[0], kernel, np.zeros(1), np.ones(1))
    model.prior.inputs.assign(inputs) if name == "vamp" else model.prior.adapt(inputs)
    draws = model.sample_prior(4000, seed=1)[:, 0]
    counts = np.bincount(np.rint(draws / 100.0).astype(int), minlength=num)
    assert stats.chisquare(counts).pvalue > 1e-5
    assert stats.kstest(draws - 100.0 * np.rint(draws / 100.0), "norm").pvalue > 1e-5
    for k in (0, 3, 7):
        draws = model.sample_prior(2000, seed=1, component=k)[:, 0]
        assert stats.kstest(draws - 100.0 * k, "norm").pvalue > 1e-5
    one = model.sample(500, seed=2, component=6)
    features = model.likelihood.location.get_weights()
    expected = 600.0 * features[0][0] + features[1]
    scale = np.sqrt(np.square(features[0][0]) + 1.0)
    for found, mean, width in zip(one.T, expected, scale):
        assert stats.kstest((found - mean) / width, "norm").pvalue > 1e-5
    with pytest.raises(ValueError, match="component=8: the prior has 8 components"):
        model.sample(3, component=8)


def test_pseudo_inputs_stay_in_the_range_of_the_likelihood():
    model = vamp_model()
    model.prior.inputs.assign(np.linspace(-2.0, 3.0, NUM * 6).reshape(NUM, 6))
    values = numpy_of(model.prior.pseudo_inputs)
    np.testing.assert_allclose(
        values, np.clip(np.linspace(-2.0, 3.0, NUM * 6), 0, 1).reshape(NUM, 6), rtol=1e-6
    )
    compiled(model, keras.optimizers.Adam(0.5)).fit(X, batch_size=8, verbose=0)
    values = numpy_of(model.prior.pseudo_inputs)
    assert values.min() >= 0.0
    assert values.max() <= 1.0


def test_pseudo_inputs_of_an_unbounded_likelihood_are_not_clipped():
    model = vamp_model(likelihood="gaussian")
    inputs = np.linspace(-2.0, 3.0, NUM * 6).reshape(NUM, 6)
    model.prior.inputs.assign(inputs)
    np.testing.assert_allclose(numpy_of(model.prior.pseudo_inputs), inputs, rtol=1e-6)


@pytest.mark.parametrize(("low", "high"), [(None, 1.0), (-0.5, None), (-0.5, 0.5)])
def test_bounds_on_one_side(low, high):
    prior = mixtures.built(VampPrior(3), 2, value_range=(low, high))
    inputs = np.linspace(-2.0, 3.0, 12).reshape(3, 4)
    prior.inputs.assign(inputs)
    np.testing.assert_allclose(numpy_of(prior.pseudo_inputs), np.clip(inputs, low, high), rtol=1e-6)


def test_start_from_normal_values():
    model = vamp_model(num=300, initial_mean=0.4, initial_stddev=0.05)
    values = numpy_of(model.prior.inputs).ravel()
    assert stats.kstest((values - 0.4) / 0.05, "norm").pvalue > 1e-5
    again = vamp_model(num=300, initial_mean=0.4, initial_stddev=0.05)
    np.testing.assert_array_equal(numpy_of(again.prior.inputs).ravel(), values)
    assert model.prior.num_examples_wanted == 0


@pytest.mark.parametrize(("given", "noise"), [(None, 0.01), (0.2, 0.2)])
def test_start_from_data(given, noise):
    x = binary_data(400)
    model = vamp_model(num=300, initialize="data", initial_noise=given)
    assert model.prior.num_examples_wanted == 300
    model.prior.adapt(x)
    difference = (numpy_of(model.prior.inputs) - x[:300]).ravel()
    assert stats.kstest(difference / noise, "norm").pvalue > 1e-5
    assert model.prior.inputs.trainable


@pytest.mark.parametrize("name", ["vamp", "vamp_data"])
@pytest.mark.parametrize("shape", [(NUM - 1, 6), (NUM, 5), (NUM, 2, 3)])
def test_examples_that_do_not_do(name, shape):
    model = vamp_model(name)
    with pytest.raises(DataError, match=r"num_components=5.*expected \(5, \*\(6,\)\) or more"):
        model.prior.adapt(np.zeros(shape))


def test_training_examples_are_taken_as_they_are_and_never_move():
    model = vamp_model("vamp_data", weights="learned")
    np.testing.assert_array_equal(numpy_of(model.prior.pseudo_inputs), X[:NUM])
    compiled(model, keras.optimizers.AdamW(0.1, weight_decay=0.5))
    model.fit(X, batch_size=16, verbose=0)
    np.testing.assert_array_equal(numpy_of(model.prior.pseudo_inputs), X[:NUM])
    logits = numpy_of(model.prior.log_weights())
    model.fit(X, batch_size=16, verbose=0)
    np.testing.assert_array_equal(numpy_of(model.prior.pseudo_inputs), X[:NUM])
    assert np.any(numpy_of(model.prior.log_weights()) != logits)


def test_training_examples_are_missing_before_they_are_given(tmp_path):
    model = small_model(prior={"name": "vamp_data", "num_components": NUM})
    model.build((None, 6))
    model.save(tmp_path / "new.keras")
    for each in (model, keras.models.load_model(tmp_path / "new.keras")):
        for use in (
            lambda m=each: m.sample(3),
            lambda m=each: m.sample(3, component=0),
            lambda m=each: m.elbo(X),
            lambda m=each: compiled(m).evaluate(X, verbose=0),
        ):
            with pytest.raises(ValueError, match="has no examples yet; expected 5 training"):
                use()
        each.prior.adapt(X)
        assert each.sample(3).shape == (3, 6)


def test_training_examples_come_with_the_weights():
    trained = vamp_model("vamp_data")
    other = small_model(prior={"name": "vamp_data", "num_components": NUM})
    other.build((None, 6))
    other.set_weights(trained.get_weights())
    assert other.prior.num_examples_wanted == 0
    np.testing.assert_array_equal(numpy_of(other.prior.pseudo_inputs), X[:NUM])
    np.testing.assert_array_equal(other.elbo(X, seed=1), trained.elbo(X, seed=1))


def test_the_first_fit_gives_training_examples():
    x = np.eye(6, dtype="float32").repeat(4, axis=0)
    for name, options in (("vamp_data", {}), ("vamp", {"initialize": "data"})):
        prior = {"name": name, "num_components": 24, **options}
        model = compiled(small_model(prior=prior), keras.optimizers.SGD(0.0))
        model.fit(x, batch_size=24, verbose=0)
        inputs = numpy_of(model.prior.pseudo_inputs)
        np.testing.assert_allclose(inputs.sum(axis=0), 4.0, atol=0.3)


@pytest.mark.compiles(1)
@pytest.mark.parametrize("latent_dims", [2, (3, 2)])
@pytest.mark.parametrize("name", ["vamp", "vamp_data"])
def test_in_a_model(name, latent_dims, tmp_path):
    model = compiled(vamp_model(name, latent_dims, weights="learned"))
    history = model.fit(X, batch_size=16, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert loaded.prior.get_config() == model.prior.get_config()
    np.testing.assert_array_equal(
        numpy_of(loaded.prior.pseudo_inputs), numpy_of(model.prior.pseudo_inputs)
    )
    np.testing.assert_array_equal(loaded.sample(7, seed=1), model.sample(7, seed=1))
    np.testing.assert_allclose(
        loaded.log_likelihood(X[:4], 20), model.log_likelihood(X[:4], 20), rtol=1e-5
    )


@pytest.mark.parametrize("name", ["bottom_up", "ladder", "top_down"])
@pytest.mark.parametrize("latent_dims", [(2,), (3, 2)])
def test_density_is_exact_where_the_components_are_not_drawn(name, latent_dims):
    if name == "top_down" and len(latent_dims) == 1:
        pytest.skip("the scheme is one of several levels")
    model = vamp_model(latent_dims=latent_dims, inference=name)
    first, second = (
        numpy_of(
            model.inference.encode_components(
                model.prior.pseudo_inputs, seed=keras.random.SeedGenerator(seed)
            ).mean
        )
        for seed in (1, 2)
    )
    assert model.prior.is_exact is bool(np.all(first == second))


def test_memory_does_not_grow_with_rows_times_components_times_dimensions():
    rows, num, dim = 500, 1000, 500
    model = small_model(latent_dims=dim, prior={"name": "vamp", "num_components": num})
    compiled(model).fit(X, batch_size=16, verbose=0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model.fit(binary_data(rows), batch_size=rows, verbose=0)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    assert 1024 * grown < 0.4 * 4 * rows * num * dim


def test_components_are_needed():
    prior = mixtures.built(VampPrior(3), 2)
    with pytest.raises(ValueError, match="components=None; expected the posteriors"):
        prior.log_prob(tensor(np.zeros((4, 2))))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initialize": "zeros"}, "initialize='zeros': expected one of 'normal', 'data'"),
        ({"initial_mean": float("nan")}, "initial_mean=nan: expected a finite number"),
        ({"initial_stddev": 0.0}, "initial_stddev=0.0: expected a positive number"),
        ({"initial_noise": -1, "initialize": "data"}, "initial_noise=-1: expected a positive"),
        ({"initial_noise": 0.1}, "initial_noise=0.1 beside initialize='normal'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        VampPrior(**options)


@pytest.mark.parametrize("mean", [-0.1, 1.1])
def test_a_start_outside_the_range_is_refused(mean):
    with pytest.raises(ValueError, match=f"initial_mean={mean}: expected a value from 0.0 to 1.0"):
        vamp_model(initial_mean=mean)


@pytest.mark.parametrize(
    "prior",
    [
        VampPrior(3, "learned", "data", 0.4, 0.05, 0.02, name="p"),
        VampPrior(),
        VampDataPrior(3, "learned", name="p"),
    ],
)
def test_config_round_trip(prior):
    config = prior.get_config()
    assert type(prior).from_config(config).get_config() == config
