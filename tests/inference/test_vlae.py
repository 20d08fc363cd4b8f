"""The variational ladder, against its own networks run one by one."""

import keras
import numpy as np
import pytest

import hiervae
from hiervae.inference.vlae import VariationalLadder
from hiervae.model.objective import kl_terms
from hiervae.networks import KerasLayers
from tests.support import noise
from tests.support.dense_parts import assert_normal, built_scheme, features, kl, parameters
from tests.support.fixed_prior import FixedPrior
from tests.support.models import numpy_of, small_model, tensor

RNG = np.random.default_rng(0)
EVENT = (3, 2)
DIMS = {"one level": (2,), "three levels": (4, 1, 2), "three equal levels": (2, 2, 2)}
CASES = [
    ("one level", "concatenate"),
    ("three levels", "concatenate"),
    ("one level", "gated"),
    ("three levels", "gated"),
    ("three equal levels", "gated"),
]
X = RNG.normal(size=(5, *EVENT)).astype("float32")


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[1]} {case[0]}")
def scheme(request):
    levels, combine = request.param
    return built_scheme("vlae", EVENT, DIMS[levels], combine=combine)


def decoded(scheme, latents):
    """Zhao et al. (2017), Eqs. 11-13, by NumPy."""
    hidden = features(scheme.decoders[-1], latents[-1:])
    for index in reversed(range(len(latents) - 1)):
        layer = scheme.level_inputs[index]
        kernel, bias = (numpy_of(weight) for weight in layer.dense.trainable_variables)
        own = latents[index] @ kernel + bias
        own = np.where(own > 0.0, own, 0.1 * own)
        if scheme.combine == "gated":
            joined = hidden + numpy_of(layer.gate) * own
        else:
            joined = np.concatenate([hidden, own], axis=-1)
        hidden = features(scheme.decoders[index], [joined])
    return features(scheme.data_block, [hidden])


def test_pass_against_numpy(scheme):
    samples = 3
    with noise.same_noise_everywhere():
        outcome = scheme.infer(tensor(X), num_samples=samples)
    hidden, latents = X, []
    for index, level in enumerate(outcome.levels):
        hidden = features(scheme.encoders[index], [hidden])
        mean, log_variance = (
            np.tile(value, (samples, 1))
            for value in parameters(scheme.posterior_heads[index], hidden)
        )
        assert_normal(level.posterior, (mean, log_variance))
        assert level.conditional_prior is None
        latent = mean + np.exp(0.5 * log_variance) * noise.array("normal", *mean.shape)
        np.testing.assert_allclose(numpy_of(level.latent), latent, atol=2e-5)
        latents.append(latent)
    np.testing.assert_allclose(numpy_of(outcome.features), decoded(scheme, latents), atol=2e-5)


def test_generation_splits_the_latent_from_the_first_level_on(scheme):
    dims = scheme.context.latent_dims
    latent = RNG.normal(size=(6, sum(dims)))
    outcome = scheme.generate(tensor(latent))
    parts = np.split(latent, np.cumsum(dims)[:-1], axis=1)
    for found, wanted in zip(outcome.latents, parts, strict=True):
        np.testing.assert_allclose(numpy_of(found), wanted, rtol=1e-6)
    np.testing.assert_allclose(numpy_of(outcome.features), decoded(scheme, parts), atol=2e-5)


def test_every_level_reaches_the_data(scheme):
    latents = [RNG.normal(size=(1, dim)) for dim in scheme.context.latent_dims]
    before = numpy_of(scheme.decode([tensor(latent) for latent in latents]))
    for index in range(len(latents)):
        moved = [latent + (each == index) for each, latent in enumerate(latents)]
        after = numpy_of(scheme.decode([tensor(latent) for latent in moved]))
        assert np.abs(after - before).max() > 1e-3


def test_the_kl_of_a_normal_prior_splits_by_level(scheme):
    dims = scheme.context.latent_dims
    mean, variance = RNG.normal(size=sum(dims)), RNG.uniform(0.5, 2.0, size=sum(dims))
    prior = FixedPrior(mean.tolist(), variance.tolist())
    prior.prepare(scheme.context)
    outcome = scheme.infer(tensor(X), seed=keras.random.SeedGenerator(0))
    found = kl_terms(outcome, scheme, prior, True, None, False)
    assert list(found) == [f"kl_{level}" for level in range(1, len(dims) + 1)]
    cuts = np.cumsum(dims)[:-1]
    blocks = zip(np.split(mean, cuts), np.split(np.log(variance), cuts), strict=True)
    for level, values, block in zip(outcome.levels, found.values(), blocks, strict=True):
        posterior = numpy_of(level.posterior.mean), numpy_of(level.posterior.log_variance)
        np.testing.assert_allclose(numpy_of(values), kl(posterior, block), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("combine", ["concatenate", "gated"])
def test_features_of_images_stay_images(combine):
    """A level's latent is brought to the shape of the features, which have channels last."""

    def convolution(filters, **options):
        return keras.layers.Conv2D(filters, 3, padding="same", activation="tanh", **options)

    network = KerasLayers(
        encoder=[convolution(4, strides=2), convolution(6, strides=2)],
        decoder=[
            convolution(3),
            keras.layers.Conv2DTranspose(4, 3, strides=2, padding="same"),
            keras.Sequential([keras.layers.Dense(4 * 4 * 6), keras.layers.Reshape((4, 4, 6))]),
        ],
    )
    scheme = built_scheme("vlae", (8, 8, 1), (2, 3), network, combine=combine)
    assert scheme.features_shape == (8, 8, 3)
    channels = 6 if combine == "gated" else 12
    assert scheme.level_inputs[0].output_shape == (4, 4, channels)
    outcome = scheme.infer(tensor(RNG.normal(size=(5, 8, 8, 1))), num_samples=2, sample=False)
    assert tuple(outcome.features.shape) == (10, 8, 8, 3)


def test_gates_start_where_they_are_told_and_learn():
    model = small_model(
        latent_dims=(2, 2), inference={"name": "vlae", "combine": "gated", "initial_gate": 0.3}
    )
    model.build((None, 6))
    (layer,) = model.inference.level_inputs
    np.testing.assert_allclose(numpy_of(layer.gate), 0.3, rtol=1e-6)
    model.compile(optimizer="adam")
    model.fit((RNG.random((8, 6)) < 0.5).astype("float32"), verbose=0)
    assert (numpy_of(layer.gate) != 0.3).any()


def test_the_latent_of_the_model_is_the_concatenation():
    model = small_model(latent_dims=(2, 3), inference="vlae")
    model.build((None, 6))
    latent = RNG.normal(size=(4, 5)).astype("float32")
    np.testing.assert_allclose(
        model.generate(latent), model.decode([latent[:, :2], latent[:, 2:]]), rtol=1e-5
    )


def test_config_round_trip():
    options = {"combine": "gated", "initial_gate": 0.2, "activation": "tanh", "variance": "sigmoid"}
    config = VariationalLadder(**options).get_config()
    assert VariationalLadder.from_config(config).get_config() == config
    assert config.items() >= options.items()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"combine": "add"}, "combine='add'.*'concatenate', 'gated'"),
        ({"initial_gate": "much"}, "initial_gate='much'.*number"),
        ({"activation": "no_such"}, "no_such"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        hiervae.HierarchicalVAE(2, inference={"name": "vlae", **options})
