"""Levels that are tensors: maps of height, width and channels beside vectors."""

import keras
import numpy as np
import pytest

import hiervae
from hiervae.evaluation import active_units, elbo_decomposition, kl_profile, noise_sweep
from hiervae.evaluation.traversal import traversal
from tests.support.dense_parts import kl
from tests.support.models import numpy_of, tensor

RNG = np.random.default_rng(0)
X = (RNG.random((12, 8, 8)) < np.linspace(0.1, 0.9, 8)).astype("float32")
CONV = {
    "name": "conv",
    "encoder_layers": [[3, 3, 2]],
    "decoder_layers": [[3, 3, 2]],
    "hidden_units": (6,),
    "decoder_channels": 2,
}
SPATIAL = ((4, 4, 2), (2, 2, 3))
MIXED = ((4, 4, 2), 3)


def model_of(inference, latent_dims, **options):
    settings = {"network": CONV, "seed": 0, **options}
    model = hiervae.HierarchicalVAE(latent_dims=latent_dims, inference=inference, **settings)
    model.build((None, *X.shape[1:]))
    return model


def shapes_of(arrays):
    return [tuple(array.shape) for array in arrays]


@pytest.fixture(scope="module")
def trained():
    """Two spatial levels, a convolutional network, ladder inference and a prior of vectors."""
    prior = {"name": "vamp", "num_components": 4}
    model = model_of("ladder", SPATIAL, prior=prior)
    model.compile(keras.optimizers.Adam(5e-3))
    model.history = model.fit(X, batch_size=6, epochs=8, verbose=0).history
    return model


def test_it_trains(trained):
    losses = trained.history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] - 1.0
    assert {"kl_1", "kl_2"} <= trained.history.keys()


def test_latents_have_the_shapes_of_their_levels(trained):
    latents = trained.encode(X, sample=True, seed=1)
    assert shapes_of(latents) == [(12, 4, 4, 2), (12, 2, 2, 3)]
    assert trained.latent_shapes == SPATIAL
    assert trained.latent_dims == (32, 12)
    assert trained.prior_dim == 12
    assert trained.decode(latents).shape == X.shape
    assert trained.conditional_prior(latents[1:]).mean.shape == (12, 4, 4, 2)


@pytest.mark.filterwarnings("ignore:The importance weights")
def test_samples_and_scores(trained):
    assert trained.sample(3, seed=0).shape == (3, 8, 8)
    assert trained.sample(3, seed=0, component=1).shape == (3, 8, 8)
    top = trained.sample_prior(5, seed=0)
    assert top.shape == (5, 12)
    assert trained.prior_log_prob(top).shape == (5,)
    assert trained.generate(top).shape == (5, 8, 8)
    bound = trained.elbo(X, num_samples=200, seed=0).mean()
    score = trained.log_likelihood(X, num_samples=200, verbose=0).mean()
    assert bound < score < 0.0


def test_it_is_saved_and_loaded(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.latent_shapes == SPATIAL
    for found, expected in zip(loaded.encode(X), trained.encode(X), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    first, second = (model.elbo(X, seed=3) for model in (trained, loaded))
    np.testing.assert_allclose(first, second, rtol=1e-5)


def test_maps_stay_maps(trained):
    """Heads are 1x1 convolutions: their size does not depend on that of the maps."""
    scheme = trained.inference
    for head, (_, _, channels) in zip(
        [*scheme.posterior_heads, *scheme.prior_heads], [*SPATIAL, SPATIAL[0]], strict=True
    ):
        assert head.is_per_pixel
        sizes = {weight.shape[-1] for weight in head.trainable_variables}
        assert sizes == {2 * channels}
    # A change of one corner of z_2 does not reach the opposite corner of p(z_1 | z_2).
    above = RNG.normal(size=(1, 2, 2, 3)).astype("float32")
    moved = above.copy()
    moved[:, 0, 0] += 1.0
    change = trained.conditional_prior([moved]).mean - trained.conditional_prior([above]).mean
    assert np.abs(change[0, 0, 0]).max() > 1e-4
    np.testing.assert_allclose(change[0, 3, 3], 0.0, atol=1e-6)


def test_evaluation_of_tensors(trained):
    profile = kl_profile(trained, X, seed=0)
    assert profile.terms[0].per_unit.shape == (4, 4, 2)
    assert profile.terms[1].per_unit is None
    parts = elbo_decomposition(trained, X, num_samples=3, seed=0)
    assert parts.elbo == pytest.approx(trained.elbo(X, 50, seed=1).mean(), rel=0.05)
    assert shapes_of(active_units(trained, X).variances) == [(4, 4, 2), (2, 2, 3)]
    for level in (1, 2):
        assert traversal(trained, level, num=3).shape == (3, 3, 8, 8)
        assert noise_sweep(trained, level, num=2).shape == (2, 2, 8, 8)


SCHEMES = [
    ("top_down", MIXED),
    ("top_down", (*SPATIAL, 2)),
    ("bottom_up", MIXED),
    ("bottom_up", SPATIAL),
    ("bottom_up", (3, (2, 2, 1))),
    ("ladder", (5, (2, 2, 1), 2)),
    ("ladder", ((2, 3, 1), (5, 3, 2))),
    ("vlae", MIXED),
    ("bottom_up", ((8, 8),)),
]


@pytest.mark.compiles(3)
@pytest.mark.parametrize("network", [CONV, {"name": "mlp", "hidden_units": (6,)}])
@pytest.mark.parametrize(("inference", "latent_dims"), SCHEMES)
def test_kl_terms_are_sums_over_all_axes(inference, latent_dims, network):
    """Against NumPy on flattened parameters."""
    model = model_of(inference, latent_dims, network=network)
    outcome = model.inference.infer(tensor(X), seed=keras.random.SeedGenerator(0))
    model.reset_generator(0, "posterior")
    terms = model(tensor(X), return_terms=True)
    outcome = model.posterior(X, seed=0, batch_size=len(X))
    for level, (name, found), shape in zip(
        outcome.levels, terms.kl.items(), model.latent_shapes, strict=True
    ):
        assert level.latent.shape == (len(X), *shape), name
        prior = level.conditional_prior
        q, p = (
            [numpy_of(value).reshape(len(X), -1) for value in (each.mean, each.log_variance)]
            if each is not None
            else [0.0, 0.0]
            for each in (level.posterior, prior)
        )
        if prior is None or level.top_down:
            np.testing.assert_allclose(numpy_of(found)[0], kl(q, p), rtol=1e-3, atol=1e-3)
        assert numpy_of(found).shape == (1, len(X))


@pytest.mark.compiles(2)
@pytest.mark.parametrize(("inference", "latent_dims"), SCHEMES[:3] + SCHEMES[5:8])
def test_every_composition_trains_and_comes_back(inference, latent_dims, tmp_path):
    prior = {"name": "mixture_of_gaussians", "num_components": 2}
    if inference == "bottom_up":
        prior = {"name": "vamp", "num_components": 2}
    network = {**CONV, "name": "gated_conv"} if inference == "top_down" else CONV
    model = model_of(inference, latent_dims, prior=prior, network=network)
    before = {weight.path: numpy_of(weight) for weight in model.trainable_variables}
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=keras.backend.backend() == "torch")
    history = model.fit(X, batch_size=6, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    for weight in model.trainable_variables:
        assert (numpy_of(weight) != before[weight.path]).any(), weight.path
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for found, expected in zip(loaded.encode(X), model.encode(X), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert loaded.sample(2, seed=0).shape == (2, 8, 8)


def test_the_vector_of_the_prior_holds_the_levels_in_order():
    model = model_of("vlae", MIXED)
    latents = model.encode(X)
    joined = model.governed_latent(latents)
    assert joined.shape == (12, 35)
    np.testing.assert_array_equal(joined, numpy_of(model.inference.join_latents(latents)))
    for split in (model.split_latent(joined), model.inference.split_latent(tensor(joined))):
        for found, expected in zip(split, latents, strict=True):
            np.testing.assert_array_equal(numpy_of(found), expected)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ((), r"latent_dims=\(\): expected at least one size"),
        (((),), r"latent_dims\[0\]=\(\): expected the size .* such as \(8, 8, 4\)"),
        ((((8, 8), 4), 2), r"latent_dims\[0\]=\(\(8, 8\), 4\): expected the size"),
        (((8, 0, 4), 2), r"latent_dims\[0\]\[1\]=0"),
        ((2, (8, 8, 1.5)), r"latent_dims\[1\]\[2\]=1.5"),
        ("ab", r"latent_dims\[0\]='ab'"),
    ],
)
def test_bad_latent_dims(wrong, message):
    with pytest.raises(ValueError, match=message):
        hiervae.HierarchicalVAE(latent_dims=wrong)


def test_an_array_of_the_wrong_shape_is_refused():
    model = model_of("ladder", SPATIAL)
    latents = [np.zeros((2, 4, 4, 2)), np.zeros((2, 12))]
    with pytest.raises(
        hiervae.errors.DataError, match=r"latents\[1\] has the shape \(2, 12\).*\(n, 2, 2, 3\)"
    ):
        model.decode(latents)


def test_one_entry_is_a_vector():
    assert hiervae.HierarchicalVAE(latent_dims=((4,), 2)).latent_shapes == ((4,), (2,))
    assert hiervae.HierarchicalVAE(latent_dims=np.array([4, 2])).latent_dims == (4, 2)
