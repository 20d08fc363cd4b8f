from importlib.metadata import entry_points

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE, registry
from hiervae.errors import DataError
from hiervae.manifold.neighbors import nearest_points
from hiervae.priors import Prior
from hiervae.testing import inject_noise, parametrize_with_checks
from keras import ops
from scipy import special, stats

from hiervae_exemplar import ExemplarPrior, refresh_exemplars

NETWORK = {"name": "mlp", "hidden_units": (8,)}


def numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def examples(number, size=12, seed=0):
    """Binary rows, of which all differ."""
    generator = np.random.default_rng(seed)
    rows = (generator.random((4 * number, size)) < 0.5).astype("float32")
    chosen = np.unique(rows, axis=0)
    return chosen[generator.permutation(len(chosen))[:number]]


def built(number=40, x=None, size=12, dynamic_binarisation=False, **options):
    """A model whose prior has its exemplars, with their means up to date."""
    model = HierarchicalVAE(
        latent_dims=3,
        prior={"name": "exemplar", "num_components": number, **options},
        network=NETWORK,
        dynamic_binarisation=dynamic_binarisation,
        seed=0,
    )
    model.build((None, size))
    model.prior.log_variance.assign(-1.2)
    if x is not None:
        model.adapt(x)
        refresh_exemplars(model)
    return model


def in_training(model, latent, inputs):
    encode = model.inference.encode_components
    return numpy(
        model.prior.log_prob_in_training(
            ops.convert_to_tensor(latent), ops.convert_to_tensor(inputs), encode
        )
    )


def exact(latent, means, variance):
    """The mixture's log-density by SciPy, shape (n,)."""
    each = [stats.norm.logpdf(latent, mean, np.sqrt(variance)).sum(axis=1) for mean in means]
    return special.logsumexp(each, axis=0) - np.log(len(means))


def latents(number, seed=3):
    return np.random.default_rng(seed).standard_normal((number, 3)).astype("float32")


@parametrize_with_checks("exemplar", kind="prior", num_components=12)
def test_it_keeps_the_contract_of_a_prior(check):
    check()


@parametrize_with_checks(
    "exemplar",
    kind="prior",
    num_components=30,
    num_neighbors=2,
    refresh_size=3,
    initial_log_variance=-1.0,
)
def test_it_keeps_the_contract_with_options(check):
    check()


def test_the_density_is_that_of_the_mixture_of_all_means():
    model = built(x=examples(40))
    means = model.encode(model.prior.examples())[0]
    latent = latents(20)
    expected = exact(latent, means, np.exp(-1.2))
    np.testing.assert_allclose(model.prior_log_prob(latent), expected, rtol=1e-4, atol=1e-4)


def test_draws_are_those_of_the_mixture():
    model = built(x=examples(40))
    means = model.encode(model.prior.examples())[0]
    drawn = model.sample_prior(40_000, seed=0)
    np.testing.assert_allclose(drawn.mean(axis=0), means.mean(axis=0), atol=0.02)
    covariance = np.cov(means.T, ddof=0) + np.exp(-1.2) * np.eye(3)
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.03)
    one = numpy(model.prior.sample_component(7, 20_000, seed=keras.random.SeedGenerator(0)))
    np.testing.assert_allclose(one.mean(axis=0), means[7], atol=0.02)


def test_training_leaves_out_the_example_itself():
    model = built(x=examples(40), num_neighbors=39)
    x, prior = model.prior.examples(), model.prior
    means, latent = model.encode(x)[0], latents(40)
    found = in_training(model, latent, x)
    expected = [
        exact(latent[[row]], np.delete(means, row, axis=0), np.exp(-1.2))[0] for row in range(40)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    whole = numpy(prior.log_prob(ops.convert_to_tensor(latent)))
    assert np.abs(found - whole).max() > 0.05


def test_an_example_that_is_no_exemplar_sees_all_of_them():
    rows = examples(50)
    model = built(x=rows[:40], num_neighbors=39)
    means, latent = model.encode(model.prior.examples())[0], latents(10)
    expected = exact(latent, means, np.exp(-1.2))
    found = in_training(model, latent, rows[40:])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_of_two_copies_one_is_left_out():
    rows = examples(6)
    model = built(6, np.concatenate([rows[:5], rows[:1]]), num_neighbors=5)
    x, latent = model.prior.examples(), latents(1)
    means = model.encode(x)[0]
    row = next(number for number in range(6) if (x[number] == rows[0]).all())
    expected = exact(latent, np.delete(means, row, axis=0), np.exp(-1.2))
    np.testing.assert_allclose(in_training(model, latent, rows[:1]), expected, rtol=1e-4)


def test_zeros_and_ones_drawn_from_greys_are_known_again():
    generator = np.random.default_rng(0)
    shape = (30, 50)
    greys = np.where(generator.random(shape) < 0.7, examples(*shape), generator.random(shape))
    model = built(30, greys.astype("float32"), 50, dynamic_binarisation=True, num_neighbors=29)
    greys = model.prior.examples()
    x = (generator.random(greys.shape) < greys).astype("float32")
    means, latent = model.encode(greys)[0], latents(30)
    expected = [
        exact(latent[[row]], np.delete(means, row, axis=0), np.exp(-1.2))[0] for row in range(30)
    ]
    np.testing.assert_allclose(in_training(model, latent, x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("neighbors", [1, 4])
def test_the_neighbours_are_those_of_the_manifold_s_search(neighbors):
    rows = examples(60)
    model = built(x=rows[:40], num_neighbors=neighbors)
    latent = latents(20)
    means = model.encode(model.prior.examples())[0]
    _, distances = nearest_points(latent.astype("float64"), means.astype("float64"), neighbors + 1)
    log_densities = -0.5 * (distances**2 * np.exp(1.2) + 3 * (np.log(2 * np.pi) - 1.2))
    expected = special.logsumexp(log_densities, axis=1) - np.log(40)
    found = in_training(model, latent, rows[40:])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    whole = numpy(model.prior.log_prob(ops.convert_to_tensor(latent)))
    assert (found < whole + 1e-5).all()
    assert (found < whole - 1e-3).any()


def test_fewer_examples_than_components():
    rows = examples(15)
    model = built(40, rows, num_neighbors=39)
    assert model.prior.num_exemplars() == 15
    means, latent = model.encode(model.prior.examples())[0], latents(15)
    expected = exact(latent, means, np.exp(-1.2))
    np.testing.assert_allclose(model.prior_log_prob(latent), expected, rtol=1e-4, atol=1e-4)
    found = in_training(model, latent, model.prior.examples())
    expected = [
        exact(latent[[row]], np.delete(means, row, axis=0), np.exp(-1.2))[0] for row in range(15)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    drawn = model.sample_prior(20_000, seed=0)
    np.testing.assert_allclose(drawn.mean(axis=0), means.mean(axis=0), atol=0.03)


def test_a_training_step_encodes_the_exemplars_in_turn():
    rows = examples(30)
    model = built(30, num_neighbors=1, refresh_size=7)
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(rows[:4], batch_size=4, epochs=1, verbose=0)
    model.prior.adapt(rows)
    fresh = model.encode(model.prior.examples())[0]
    wrong = []
    for _ in range(5):
        wrong.append((np.abs(numpy(model.prior.means) - fresh).max(axis=1) > 1e-5).sum())
        model.fit(rows[:4], batch_size=4, epochs=1, verbose=0)
    np.testing.assert_allclose(numpy(model.prior.means), fresh, atol=1e-5)
    assert wrong == sorted(wrong, reverse=True)
    assert wrong[0] >= 22
    assert wrong[4] <= 2


def test_the_gradient_is_that_of_the_whole_training_objective():
    rows = examples(20)
    model = built(20, rows, num_neighbors=19)
    x = ops.convert_to_tensor(rows[:8])

    def loss():
        terms = model(x, training=True, return_terms=True)
        return float(numpy(ops.mean(terms.total_kl - terms.log_likelihood)))

    with inject_noise(lambda kind, shape: np.zeros(shape, "float32")):
        weights = model.inference.trainable_variables
        before = [numpy(weight).copy() for weight in weights]
        model.compile(keras.optimizers.SGD(1e-3), run_eagerly=keras.backend.backend() != "jax")
        model.train_on_batch(rows[:8])
        steps = [numpy(weight) - value for weight, value in zip(weights, before, strict=True)]
        squares = sum((step**2).sum() for step in steps)
        scale = 0.01 / np.sqrt(squares)
        values = []
        for sign in (-1.0, 1.0):
            for weight, value, step in zip(weights, before, steps, strict=True):
                weight.assign(value + sign * scale * step)
            values.append(loss())
    slope = (values[1] - values[0]) / (2 * scale)
    assert slope == pytest.approx(-squares / 1e-3, rel=0.03)


def test_it_describes_two_kinds_of_examples_better_than_a_normal():
    generator = np.random.default_rng(0)
    kinds = generator.random((300, 1)) < 0.5
    x = np.where(kinds, [[1.0] * 4 + [0.0] * 4], [[0.0] * 4 + [1.0] * 4])
    x = np.abs(x - (generator.random(x.shape) < 0.03)).astype("float32")
    scores = {}
    for prior in ("standard_normal", {"name": "exemplar", "num_components": 200}):
        model = HierarchicalVAE(latent_dims=2, prior=prior, network=NETWORK, seed=0)
        model.compile(keras.optimizers.Adam(1e-2))
        model.fit(x[:200], batch_size=50, epochs=40, verbose=0)
        scores[str(prior)] = model.elbo(x[200:], num_samples=50, seed=1).mean()
    normal, exemplar = scores.values()
    assert exemplar > normal + 0.05


def test_it_saves_and_loads_with_its_exemplars(tmp_path):
    model = built(x=examples(40))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.prior.examples(), model.prior.examples())
    latent = latents(5)
    np.testing.assert_allclose(
        again.prior_log_prob(latent), model.prior_log_prob(latent), atol=1e-5
    )
    assert again.prior.num_examples_wanted == 0


def test_scoring_takes_fewer_rows_at_once_with_many_exemplars():
    few, many = built(10, examples(10)), built(80_000, examples(10))
    assert many.rows_in_memory() < few.rows_in_memory()


def test_without_exemplars_it_is_refused():
    model = built()
    with pytest.raises(ValueError, match="no exemplars yet"):
        model.sample(3)
    with pytest.raises(ValueError, match="no exemplars yet"):
        refresh_exemplars(model)
    with pytest.raises(DataError, match="two or more of shape"):
        model.adapt(examples(1))


def test_another_prior_is_not_refreshed():
    model = HierarchicalVAE(latent_dims=2, network=NETWORK)
    with pytest.raises(ValueError, match="StandardNormal; expected ExemplarPrior"):
        refresh_exemplars(model)


def test_a_component_that_is_none_is_refused():
    model = built(40, examples(15))
    assert model.sample(2, component=14).shape == (2, 12)
    with pytest.raises(ValueError, match="has 15 exemplars"):
        model.sample(2, component=15)


@pytest.mark.parametrize(
    "options",
    [
        {"num_components": 1},
        {"num_neighbors": 0},
        {"refresh_size": 0},
        {"initial_log_variance": 5.0},
        {"initial_log_variance": "small"},
    ],
)
def test_options_that_are_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        registry.create("hiervae.priors", {"name": "exemplar", **options}, Prior)


def test_it_is_found_by_its_entry_point():
    (point,) = entry_points(group="hiervae.priors", name="exemplar")
    assert point.load() is ExemplarPrior
    assert point.dist.name == "hiervae-exemplar"
