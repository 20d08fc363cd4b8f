from importlib.metadata import entry_points

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE, registry
from hiervae.errors import DataError
from hiervae.likelihoods import Likelihood
from hiervae.testing import parametrize_with_checks
from keras import ops
from scipy import special, stats

from hiervae_logistics import LogisticMixture
from hiervae_logistics.levels import log_prob_of_place, mean_place

NETWORK = {"name": "mlp", "hidden_units": (8,)}


def numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def tensor(array):
    return ops.convert_to_tensor(np.asarray(array, dtype="float32"))


def built(event_shape=(1, 1, 3), **options):
    likelihood = {"name": "logistic_mixture", **options}
    model = HierarchicalVAE(latent_dims=2, likelihood=likelihood, network=NETWORK, seed=0)
    model.build((None, *event_shape))
    return model.likelihood


def parameters_of(channels, components, seed=0, log_scale=(-4.0, -1.0)):
    """Parameters of one pixel of a 1x1 image, NumPy without the leading axes."""
    generator = np.random.default_rng(seed)
    pairs = channels * (channels - 1) // 2
    return (
        special.log_softmax(generator.standard_normal(components)),
        generator.uniform(-0.9, 0.9, (channels, components)),
        generator.uniform(*log_scale, (channels, components)),
        np.tanh(generator.standard_normal((pairs, components))),
    )


def repeated(parameters, number):
    return tuple(
        tensor(np.broadcast_to(array, (number, 1, 1, *array.shape))) for array in parameters
    )


def places(levels):
    return 2.0 * np.arange(levels) / (levels - 1) - 1.0


def level_probabilities(location, scale, levels=256):
    """P of each level by SciPy's logistic distribution, shape (levels, K)."""
    edges = places(levels)[:-1, None] + 1.0 / (levels - 1)
    cdf = stats.logistic.cdf(edges, location, scale)
    cdf = np.concatenate([np.zeros_like(cdf[:1]), cdf, np.ones_like(cdf[:1])])
    return np.diff(cdf, axis=0)


def brute_force(parameters, levels):
    """p of all levels of all channels by SciPy, shape (levels,) * channels."""
    log_weights, locations, log_scales, coefficients = parameters
    channels, components = locations.shape
    at = places(levels)
    total = np.zeros((levels,) * channels)
    for k in range(components):
        joint = np.exp(log_weights[k]) * np.ones((levels,) * channels)
        for index in np.ndindex(*(levels,) * (channels - 1)):
            row, probability = 0, 1.0
            for channel in range(channels):
                location = locations[channel, k]
                for earlier in range(channel):
                    location = location + coefficients[row, k] * at[index[earlier]]
                    row += 1
                scale = np.exp(log_scales[channel, k])
                each = level_probabilities(location, scale, levels)[:, 0]
                if channel < channels - 1:
                    probability = probability * each[index[channel]]
            joint[index] *= probability * each
        total += joint
    return total


@parametrize_with_checks("logistic_mixture", kind="likelihood")
def test_it_keeps_the_contract_of_a_likelihood(check):
    check()


@parametrize_with_checks(
    "logistic_mixture",
    kind="likelihood",
    num_components=3,
    num_levels=16,
    log_scale_bounds=(-4.0, 0.0),
)
def test_it_keeps_the_contract_with_options(check):
    check()


@pytest.mark.parametrize("log_scale", [(-4.0, -1.0), (-7.0, -6.0), (1.0, 2.0)])
def test_the_256_levels_of_a_channel_sum_to_one(log_scale):
    parameters = parameters_of(1, 5, log_scale=log_scale)
    greys = np.arange(256).reshape(256, 1, 1, 1) / 255
    found = numpy(built((1, 1, 1)).log_prob(tensor(greys), repeated(parameters, 256)))
    assert np.exp(found.astype("float64")).sum() == pytest.approx(1.0, abs=2e-5)
    log_weights, locations, log_scales, _ = parameters
    each = level_probabilities(locations[0], np.exp(log_scales[0])) @ np.exp(log_weights)
    np.testing.assert_allclose(np.exp(found), each, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("channels", [2, 3])
def test_all_levels_of_all_channels_against_brute_force(channels):
    levels = 8
    parameters = parameters_of(channels, 3, log_scale=(-2.5, -0.5))
    grid = np.stack(np.meshgrid(*[np.arange(levels)] * channels, indexing="ij"), axis=-1)
    values = grid.reshape(-1, 1, 1, channels) / (levels - 1)
    likelihood = built((1, 1, channels), num_levels=levels)
    found = numpy(likelihood.log_prob(tensor(values), repeated(parameters, len(values))))
    probabilities = np.exp(found.astype("float64")).reshape((levels,) * channels)
    expected = brute_force(parameters, levels)
    assert expected.sum() == pytest.approx(1.0)
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (13, 200, 87), (255, 0, 128)])
def test_the_conditionals_of_256_levels_sum_to_one(colour):
    parameters = parameters_of(3, 4, seed=2)
    log_weights, locations, log_scales, coefficients = parameters
    red, green, blue = colour
    at = places(256)
    scales = np.exp(log_scales)
    by_red = level_probabilities(locations[0], scales[0])
    by_green = level_probabilities(locations[1] + coefficients[0] * at[red], scales[1])
    shift = coefficients[1] * at[red] + coefficients[2] * at[green]
    by_blue = level_probabilities(locations[2] + shift, scales[2])
    assert by_blue.sum(axis=0) == pytest.approx(np.ones(4))
    weights = np.exp(log_weights)
    values = np.zeros((256, 1, 1, 3)) + np.array(colour) / 255
    values[..., 2] = np.arange(256)[:, None, None] / 255
    found = numpy(built().log_prob(tensor(values), repeated(parameters, 256)))
    first_two = weights * by_red[red] * by_green[green]
    # p(b | r, g) over all b, and each of them.
    total = np.exp(found.astype("float64")).sum()
    assert total / first_two.sum() == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(found, np.log(by_blue @ first_two), rtol=1e-3, atol=1e-2)
    assert found[blue] == pytest.approx(np.log(by_blue[blue] @ first_two), abs=1e-2)


def test_far_from_all_components_it_is_accurate():
    generator = np.random.default_rng(0)
    location = generator.uniform(-30.0, 30.0, 500)
    log_scale = generator.uniform(-7.0, 2.0, 500)
    level = generator.integers(1, 255, 500)
    place = places(256)[level]
    found = numpy(log_prob_of_place(tensor(place), tensor(location), tensor(log_scale), 256))
    above, below = ((place + sign / 255 - location) * np.exp(-log_scale) for sign in (1.0, -1.0))
    width = 2.0 / 255 * np.exp(-log_scale)
    exact = -np.logaddexp(0.0, -above) - np.logaddexp(0.0, below) + np.log(-np.expm1(-width))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-3)


def test_training_far_from_the_data_has_finite_gradients():
    x = np.zeros((16, 4, 4, 3), dtype="float32")
    x[::2] = 1.0
    model = HierarchicalVAE(latent_dims=2, likelihood="logistic_mixture", network=NETWORK, seed=0)
    model.build((None, 4, 4, 3))
    kernel = model.likelihood.head.dense.kernel
    noise = np.random.default_rng(0).standard_normal(tuple(kernel.shape))
    kernel.assign(300.0 * noise)
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(x, batch_size=8, epochs=3, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert history[-1] < history[0]


def test_a_green_that_is_red_is_learned():
    generator = np.random.default_rng(0)
    red = generator.integers(0, 256, (256, 2, 2, 1))
    x = (np.concatenate([red, red, 255 - red], axis=-1) / 255).astype("float32")
    model = HierarchicalVAE(
        latent_dims=1,
        likelihood={"name": "logistic_mixture", "num_components": 4},
        network=NETWORK,
        seed=0,
    )
    model.compile(keras.optimizers.Adam(2e-2))
    model.fit(x, batch_size=64, epochs=80, verbose=0)
    bits = -model.log_likelihood(x[:50], num_samples=10, verbose=0).mean() / np.log(2.0) / 12
    assert bits < 6.5  # of 8 where channels are independent
    drawn = model.sample(200, seed=1)
    assert np.corrcoef(drawn[..., 0].ravel(), drawn[..., 1].ravel())[0, 1] > 0.8
    assert np.corrcoef(drawn[..., 0].ravel(), drawn[..., 2].ravel())[0, 1] < -0.8


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_draws_have_the_probabilities(channels):
    levels, number = 5, 60_000
    parameters = parameters_of(channels, 3, seed=channels, log_scale=(-2.0, -0.5))
    likelihood = built((1, 1, channels), num_levels=levels)
    drawn = likelihood.sample(repeated(parameters, number), seed=keras.random.SeedGenerator(0))
    index = np.round(numpy(drawn).reshape(number, channels) * (levels - 1)).astype(int)
    np.testing.assert_allclose(index / (levels - 1), numpy(drawn).reshape(number, -1), atol=1e-6)
    counts = np.zeros((levels,) * channels)
    np.add.at(counts, tuple(index.T), 1)
    expected = brute_force(parameters, levels).ravel() * number
    counts, rare = counts.ravel(), expected < 10
    seen = np.append(counts[~rare], counts[rare].sum())
    wanted = np.append(expected[~rare], expected[rare].sum())
    assert stats.chisquare(seen[wanted > 0], wanted[wanted > 0]).pvalue > 1e-4


def test_the_mean_of_one_channel_is_within_half_a_level():
    generator = np.random.default_rng(0)
    location, log_scale = generator.uniform(-1.5, 1.5, 200), generator.uniform(-7.0, 1.0, 200)
    found = numpy(mean_place(tensor(location), tensor(log_scale)))
    exact = places(256) @ level_probabilities(location, np.exp(log_scale))
    assert np.abs(found - exact).max() < 1.0 / 255 + 1e-4


def test_the_mean_of_colours_is_near_that_of_draws():
    parameters = parameters_of(3, 4, seed=1, log_scale=(-3.5, -2.5))
    parameters = (parameters[0], 0.5 * parameters[1], parameters[2], 0.5 * parameters[3])
    likelihood = built()
    mean = numpy(likelihood.mean(repeated(parameters, 1))).ravel()
    drawn = likelihood.sample(repeated(parameters, 40_000), seed=keras.random.SeedGenerator(0))
    np.testing.assert_allclose(mean, numpy(drawn).mean(axis=0).ravel(), atol=0.01)


def test_values_of_other_shapes_are_pixels_of_their_own():
    whole, image = built((4,)), built((2, 2, 1))
    generator = np.random.default_rng(0)
    values = generator.random((6, 4))
    arrays = [generator.standard_normal(shape) for shape in ((6, 4, 10), (6, 4, 1, 10))]
    arrays = [special.log_softmax(arrays[0], axis=-1), arrays[1], arrays[1] - 3.0]
    arrays.append(np.zeros((6, 4, 0, 10)))
    flat = whole.log_prob(tensor(values), tuple(map(tensor, arrays)))
    folded = tuple(tensor(array.reshape(6, 2, 2, *array.shape[2:])) for array in arrays)
    square = image.log_prob(tensor(values.reshape(6, 2, 2, 1)), folded)
    np.testing.assert_allclose(numpy(flat), numpy(square), rtol=1e-5)


def test_components_start_side_by_side():
    likelihood = built((2, 2, 3), num_components=4)
    features = np.zeros((1, *likelihood.head.dense.kernel.shape[:1]), dtype="float32")
    _, locations, _, coefficients = likelihood(tensor(features))
    expected = np.broadcast_to([-0.75, -0.25, 0.25, 0.75], (1, 2, 2, 3, 4))
    np.testing.assert_allclose(numpy(locations), expected, atol=1e-6)
    np.testing.assert_allclose(numpy(coefficients), 0.0)


def test_features_of_the_image_s_size_are_mapped_pixel_by_pixel():
    likelihood = LogisticMixture(num_components=2)
    model = HierarchicalVAE(
        latent_dims=2,
        likelihood=likelihood,
        network={"name": "gated_conv", "encoder_layers": ((4, 3, 1), (4, 3, 2))},
        seed=0,
    )
    model.build((None, 8, 8, 3))
    assert likelihood.head.per_pixel
    assert likelihood.head.dense.kernel.shape[-1] == 20


def test_values_outside_the_range_have_no_probability():
    likelihood = built((1, 1, 3))
    values = np.full((3, 1, 1, 3), 0.5)
    values[0, 0, 0, 1], values[1, 0, 0, 2] = 1.01, -0.01
    found = numpy(likelihood.log_prob(tensor(values), repeated(parameters_of(3, 10), 3)))
    assert (found[:2] == -np.inf).all()
    assert np.isfinite(found[2])
    with pytest.raises(DataError, match=r"from 0\.0 to 1\.0"):
        likelihood.check_values(values)


def test_images_of_many_channels_are_refused():
    with pytest.raises(ValueError, match="at most 4 channels on the last axis"):
        built((4, 4, 5))


@pytest.mark.parametrize(
    "options",
    [
        {"num_components": 0},
        {"num_levels": 1},
        {"num_levels": 25.6},
        {"log_scale_bounds": (1.0, 0.0)},
    ],
)
def test_options_that_are_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        registry.create("hiervae.likelihoods", {"name": "logistic_mixture", **options}, Likelihood)


def test_it_is_found_by_its_entry_point():
    (point,) = entry_points(group="hiervae.likelihoods", name="logistic_mixture")
    assert point.load() is LogisticMixture
    assert point.dist.name == "hiervae-logistics"
