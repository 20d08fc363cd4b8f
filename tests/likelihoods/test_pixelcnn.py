import itertools

import keras
import numpy as np
import pytest
from keras import ops
from scipy import special, stats

from hiervae.errors import DataError
from hiervae.likelihoods.pixelcnn import PixelCNN
from hiervae.random import inject_noise
from tests.support.compiling import compiled_with_seed
from tests.support.gradients import gradient
from tests.support.models import compiled, context, numpy_of, small_model, tensor

LOGISTIC = {"grey_distribution": "discretized_logistic"}
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(1, 3)).astype("float32")


def built(event_shape, dtype=None, **options):
    """A small PixelCNN over features (n, 3), all of its weights and statistics moved."""
    options = {"num_layers": 2, "num_filters": 10, **options}
    likelihood = PixelCNN(dtype=dtype, **options)
    likelihood.prepare(context(event_shape))
    likelihood.build((None, 3))
    rng = np.random.default_rng(5)
    for weight in likelihood.weights:
        size = tuple(weight.shape)
        if "gamma" in weight.path or "variance" in weight.path:
            weight.assign(rng.uniform(0.5, 1.5, size=size))
        else:
            fan_in = max(1.0, np.prod(size[:-1]) / 4.0)
            weight.assign(rng.normal(scale=1.5 / np.sqrt(fan_in), size=size))
    return likelihood


def every_image(event_shape, levels):
    size = int(np.prod(event_shape))
    images = np.array(list(itertools.product(range(levels), repeat=size)), dtype="float32")
    return images.reshape(-1, *event_shape) / (levels - 1.0)


def parameters(likelihood, num, training=False):
    return likelihood(tensor(np.repeat(FEATURES, num, axis=0)), training=training)


def log_probs(likelihood, images):
    return numpy_of(likelihood.log_prob(tensor(images), parameters(likelihood, len(images))))


def logistic_levels(outputs, levels):
    """Probabilities (..., levels) of a logistic over levels, by SciPy's distribution function."""
    edge = 0.5 / levels
    location = np.clip(special.expit(outputs[..., 0]), edge, 1.0 - edge)[..., None]
    scale = np.exp(np.clip(outputs[..., 1], -4.5, 0.0))[..., None]
    inner = stats.logistic.cdf(np.arange(1, levels) / levels, location, scale)
    ends = np.zeros_like(location), np.ones_like(location)
    return np.diff(np.concatenate([ends[0], inner, ends[1]], axis=-1), axis=-1)


def test_log_probabilities_of_the_logistic_against_scipy():
    likelihood = built((3, 2), levels=256, **LOGISTIC)
    images = (RNG.integers(0, 256, size=(20, 3, 2)) / 255.0).astype("float32")
    images[0], images[1] = 0.0, 1.0
    shaped = tensor(images[..., None])
    outputs = numpy_of(likelihood.logits(shaped, parameters(likelihood, 20)))
    found = log_probs(likelihood, images)
    level = np.rint(images * 255.0).astype(int)[..., None, None]
    chosen = np.take_along_axis(logistic_levels(outputs.astype("float64"), 256), level, axis=-1)
    np.testing.assert_allclose(found, np.log(chosen).sum(axis=(1, 2, 3, 4)), rtol=1e-4)


def test_channels_of_the_latents_are_inputs_beside_the_image():
    """Each latent has one channel of the first convolution, and no other map in between."""
    likelihood = PixelCNN(num_layers=1, num_filters=4, num_conditioning_channels=None)
    likelihood.prepare(context((3, 4)))
    likelihood.build((None, 3, 4, 2))
    features = RNG.normal(size=(5, 3, 4, 2)).astype("float32")
    kernel = RNG.normal(size=(3, 3, 2, 4)).astype("float32")
    likelihood.conditioning.set_weights([kernel])
    padded = np.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    expected = np.einsum("nhwcij,ijcf->nhwf", windows, kernel)
    found = numpy_of(likelihood(tensor(features)).conditioning)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert likelihood.head is None
    again = PixelCNN(num_conditioning_channels=None)
    again.prepare(context((3, 4)))
    with pytest.raises(ValueError, match=r"features of shape \(7,\): expected an image \(3, 4, "):
        again.build((None, 7))


@pytest.mark.compiles(2)
@pytest.mark.parametrize(("levels", "options"), [(2, {}), (5, {}), (5, LOGISTIC)])
@pytest.mark.parametrize("event_shape", [(4, 3), (3, 3, 3)])
def test_a_value_depends_on_the_features_and_on_those_before_it_alone(event_shape, levels, options):
    """By the gradients of the logits of each value by all values and by the features."""
    likelihood = built(event_shape, levels=levels, num_filters=24, **options)
    height, width, channels = likelihood.image_shape
    size = height * width * channels
    image = RNG.integers(0, levels, size=(height, width, channels)) / (levels - 1.0)
    images = np.tile(image.astype("float32"), (size, 1, 1, 1))
    logits_of = np.eye(size).reshape(size, height, width, channels, 1)
    weights = tensor(logits_of * RNG.normal(size=likelihood.distribution.units))

    def chosen(images, features):
        return ops.sum(weights * likelihood.logits(images, likelihood(features)))

    moves, by_features = gradient(chosen, images, np.tile(FEATURES, (size, 1)))
    moves = moves.reshape(size, size)  # of logits over values
    assert not np.triu(moves).any(), "a value depends on itself or on a later one"
    order = np.arange(size).reshape(height, width, channels)
    for row, column, channel in np.ndindex(height, width, channels):
        of = moves[order[row, column, channel]]
        assert of[order[row, column, :channel]].all(), "channels before it"
        if column:
            assert of[order[row, column - 1]].all(), "the pixel to the left"
        if row:
            assert of[order[row - 1, max(column - 1, 0) : column + 2]].all(), "above"
    assert by_features.any(axis=1).all(), "the features"


@pytest.mark.compiles(4)
@pytest.mark.parametrize(
    ("event_shape", "levels"),
    [((3, 3), 2), ((2, 2, 2), 2), ((2, 2), 4), ((1, 2, 2), 3), ((2, 1, 1), 16), ((1, 2), 256)],
)
@pytest.mark.parametrize("options", [{}, LOGISTIC])
def test_probabilities_of_all_images_sum_to_one(event_shape, levels, options):
    likelihood = built(event_shape, levels=levels, **options)
    found = np.exp(log_probs(likelihood, every_image(event_shape, levels)))
    assert found.sum() == pytest.approx(1.0, abs=1e-4)
    assert found.max() > 2.0 / len(found), "the test sees a distribution that is not flat"


@pytest.mark.compiles(2)
@pytest.mark.parametrize(
    ("event_shape", "levels", "options"),
    [
        ((5, 4), 2, {}),
        ((3, 4, 2), 2, {"kernel_size": 5}),
        ((4, 3), 5, {"batch_norm": False}),
        ((3, 2, 3), 4, {"num_conditioning_channels": 2, "num_layers": 3}),
        ((3, 2, 2), 16, LOGISTIC),
    ],
)
def test_draws_are_where_the_noise_passes_the_parallel_pass(event_shape, levels, options):
    """Sampling in order agrees with one parallel pass over what was drawn.

    The draw is asked for in training mode, but takes the moving statistics of the parallel pass.
    """
    likelihood, num = built(event_shape, levels=levels, **options), 6
    noise = np.random.default_rng(8).random((num, *event_shape))
    with inject_noise(lambda kind, shape: noise):
        draws = numpy_of(likelihood.sample(parameters(likelihood, num, training=True)))
    image = (num, *likelihood.image_shape)
    logits = numpy_of(likelihood.logits(tensor(draws.reshape(image)), parameters(likelihood, num)))
    noise = noise.reshape(image)
    if options == LOGISTIC:
        passed = logistic_levels(logits, levels).cumsum(axis=-1)[..., :-1]
        expected = (noise[..., None] >= passed).sum(axis=-1) / (levels - 1.0)
    elif levels == 2:
        passed = 1.0 / (1.0 + np.exp(-logits))
        expected = noise < passed[..., 0]
    else:
        exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
        passed = np.cumsum(exponentials, axis=-1)[..., :-1] / exponentials.sum(-1, keepdims=True)
        expected = (noise[..., None] >= passed).sum(axis=-1) / (levels - 1.0)
    assert np.abs(noise[..., None] - passed).min() > 1e-5, "no tie that rounding decides"
    np.testing.assert_allclose(draws.reshape(image), expected, atol=1e-6)
    assert len(np.unique(draws)) > 1


@pytest.mark.compiles(1)
@pytest.mark.parametrize(
    ("event_shape", "levels", "options"),
    [((2, 2), 2, {}), ((1, 2, 2), 2, {}), ((2, 1), 5, {}), ((2, 1), 5, LOGISTIC)],
)
def test_frequencies_of_draws(event_shape, levels, options):
    likelihood, num = built(event_shape, levels=levels, **options), 4000
    images = every_image(event_shape, levels)
    expected = num * np.exp(log_probs(likelihood, images))
    draw = compiled_with_seed(
        likelihood, lambda seed: likelihood.sample(parameters(likelihood, num), seed=seed)
    )
    flat = np.round(numpy_of(draw()).reshape(num, -1) * (levels - 1)).astype(int)
    index = flat @ levels ** np.arange(flat.shape[1])[::-1]
    counts = np.bincount(index, minlength=len(images))
    rare = expected < 5.0
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    kept = expected > 0.0
    expected *= num / expected.sum()
    assert stats.chisquare(counts[kept], expected[kept]).pvalue > 1e-4


@pytest.mark.compiles(1)
@pytest.mark.parametrize(
    ("event_shape", "levels", "options"),
    [((3, 2), 2, {}), ((2, 2, 2), 4, {}), ((2, 2, 2), 6, LOGISTIC)],
)
def test_the_mean_feeds_each_expectation_forward(event_shape, levels, options):
    likelihood = built(event_shape, levels=levels, **options)
    image = np.zeros((1, *likelihood.image_shape))
    for where in np.ndindex(*likelihood.image_shape):
        logits = numpy_of(likelihood.logits(tensor(image), parameters(likelihood, 1)))[0][where]
        if levels == 2:
            logits = np.append(0.0, logits)
        weights = np.exp(logits - logits.max())
        if options == LOGISTIC:
            weights = logistic_levels(logits, levels)
        image[0][where] = weights @ np.arange(levels) / weights.sum() / (levels - 1.0)
    found = numpy_of(likelihood.mean(parameters(likelihood, 1)))
    np.testing.assert_allclose(found, image.reshape(1, *event_shape), rtol=1e-4, atol=1e-5)


def test_steps_give_what_sample_gives():
    likelihood = built((3, 2))
    noise = np.random.default_rng(2).random((4, 3, 2))
    with inject_noise(lambda kind, shape: noise):
        expected = numpy_of(likelihood.sample(parameters(likelihood, 4)))
        state = likelihood.start_sampling(parameters(likelihood, 4))
    assert likelihood.num_sampling_steps == 3
    for step in range(3):
        state = likelihood.sampling_step(state, ops.convert_to_tensor(step, dtype="int32"))
    np.testing.assert_array_equal(numpy_of(state[0]), expected)


def test_a_subclass_s_own_sample_is_what_a_model_draws():
    class Halves(PixelCNN):
        def sample(self, parameters, seed=None):
            return 0.5 + 0.0 * self.mean(parameters)

    model = small_model(likelihood=Halves(num_layers=2, num_filters=3))
    model.build((None, 2, 2))
    np.testing.assert_array_equal(model.sample(3), np.full((3, 2, 2), 0.5))


def test_greys_of_one_level_have_one_probability():
    likelihood = built((2, 2), levels=256)
    levels = RNG.integers(0, 255, size=(4, 2, 2))
    of_greys, of_edges, inside = (
        log_probs(likelihood, np.asarray(values, dtype="float32"))
        for values in (levels / 255.0, levels / 256.0, (levels + 0.9) / 256.0)
    )
    np.testing.assert_array_equal(of_edges, of_greys)
    np.testing.assert_array_equal(inside, of_greys)


@pytest.mark.parametrize(
    ("levels", "value", "possible"),
    [(2, 0.5, False), (2, 1.5, False), (4, 0.5, True), (4, -0.1, False)],
)
def test_values_without_a_probability(levels, value, possible):
    likelihood = built((2, 2), levels=levels)
    images = np.zeros((2, 2, 2), dtype="float32")
    images[1, 0, 1] = value
    found = log_probs(likelihood, images)
    assert np.isfinite(found).tolist() == [True, possible]
    if possible:
        likelihood.check_values(images)
        return
    with pytest.raises(DataError, match="Rescale|levels"):
        likelihood.check_values(images)


def test_log_likelihood_by_quadrature():
    """Of a model with one latent dimension, over the latent; and of all images it is one."""
    likelihood = {"name": "pixelcnn", "num_layers": 2, "num_filters": 6}
    model = compiled(small_model(latent_dims=1, likelihood=likelihood))
    images = every_image((2, 2), 2)
    model.build((None, 2, 2))
    rng = np.random.default_rng(1)
    for weight in model.likelihood.trainable_variables:
        weight.assign(weight + rng.normal(scale=0.3, size=weight.shape))
    for weight in model.inference.posterior_heads[0].weights:
        weight.assign(np.zeros(weight.shape))  # q is the prior, whose weights have no heavy tail
    nodes = np.linspace(-7.0, 7.0, 1001)  # a fine grid, as rectifiers have kinks
    features = model.inference.decode([tensor(nodes[:, None])])
    weights, num_samples = stats.norm.pdf(nodes) * (nodes[1] - nodes[0]), 3000
    first, second = [], []
    for image in images:
        values = tensor(np.repeat(image[None], len(nodes), axis=0))
        density = np.exp(numpy_of(model.likelihood.log_prob(values, model.likelihood(features))))
        first.append(weights @ density)
        second.append(weights @ np.square(density))
    exact = np.array(first)
    assert exact.sum() == pytest.approx(1.0, abs=1e-5)
    error = np.sqrt((np.array(second) / np.square(exact) - 1.0) / num_samples)
    found = model.log_likelihood(images, num_samples=num_samples, seed=0)
    distance = np.abs(np.exp(found) / exact - 1.0)
    assert (distance < 5.0 * error + 1e-4).all(), (found, np.log(exact))
    assert error.max() < 0.1
    assert np.ptp(np.log(exact)) > 0.5


@pytest.mark.compiles(1)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    images = every_image((2, 2), 2)
    found = []
    for dtype in ("float32", policy):
        keras.config.set_dtype_policy(dtype)
        try:
            likelihood = built((2, 2), dtype=dtype)
        finally:
            keras.config.set_dtype_policy("float32")
        log_prob = likelihood.log_prob(tensor(images), parameters(likelihood, len(images)))
        assert keras.backend.standardize_dtype(log_prob.dtype) == "float32"
        draws = likelihood.sample(parameters(likelihood, 4), seed=keras.random.SeedGenerator(0))
        assert keras.backend.standardize_dtype(draws.dtype) == "float32"
        found.append(numpy_of(log_prob))
    np.testing.assert_allclose(found[1], found[0], rtol=0.05, atol=0.1)


@pytest.mark.parametrize(
    ("event_shape", "options", "words"),
    [
        ((4,), {}, ("(4,)", "(H, W, C)", "Reshape")),
        ((2, 2, 2, 2), {}, ("(2, 2, 2, 2)", "(H, W)")),
        ((2, 2, 3), {"num_filters": 2}, ("num_filters=2", "3 channels")),
        ((2, 2), {"kernel_size": 4}, ("kernel_size=4", "odd")),
        ((2, 2), {"kernel_size": 1}, ("kernel_size=1", "neighbours")),
        ((2, 2), {"batch_norm": "no"}, ("batch_norm='no'", "True or False")),
        ((2, 2), {"levels": 1}, ("levels=1", "at least 2")),
        ((2, 2), {"grey_distribution": "normal"}, ("grey_distribution='normal'", "softmax")),
    ],
)
def test_what_is_refused(event_shape, options, words):
    with pytest.raises(ValueError, match="expected") as error:
        built(event_shape, **options)
    for word in words:
        assert word in str(error.value)


@pytest.mark.compiles(1)
@pytest.mark.parametrize(("levels", "options"), [(2, {}), (256, {}), (256, LOGISTIC)])
def test_in_a_model(levels, options, tmp_path, capsys):
    """Trained, saved, loaded, sampled and scored."""
    data = (RNG.integers(0, levels, size=(32, 3, 2)) / (levels - 1.0)).astype("float32")
    data[:, :, 1] = data[:, :, 0]
    likelihood = {"name": "pixelcnn", "levels": levels, "num_layers": 2, "num_filters": 8}
    likelihood.update(options)
    model = compiled(small_model(likelihood=likelihood), keras.optimizers.Adam(2e-2))
    losses = model.fit(data, batch_size=16, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    moving = numpy_of(model.likelihood.normalizations[0].moving_variance)
    assert (moving != 1.0).any(), "training moves the statistics"
    drawn = model.sample(5, seed=2)
    assert drawn.shape == (5, 3, 2)
    assert capsys.readouterr().out == ""
    np.testing.assert_array_equal(model.sample(5, seed=2, batch_size=8, verbose=1), drawn)
    assert "3/3" in capsys.readouterr().out
    np.testing.assert_array_equal(
        numpy_of(model.likelihood.normalizations[0].moving_variance), moving
    )
    model.likelihood.check_values(drawn)
    assert model.predict(data[:4], verbose=0).shape == (4, 3, 2)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert loaded.likelihood.get_config() == model.likelihood.get_config()
    np.testing.assert_array_equal(loaded.sample(5, seed=2), drawn)
    np.testing.assert_allclose(loaded.elbo(data, seed=1), model.elbo(data, seed=1), rtol=1e-5)


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2)])
def test_log_scales_start_in_the_middle_of_their_bounds(shape):
    """At a bound, where an output of zero lies, they would have no gradient."""
    likelihood = PixelCNN(levels=256, num_filters=4, num_layers=1, **LOGISTIC)
    likelihood.prepare(context(shape))
    likelihood.build((None, 5))
    likelihood.output_conv.kernel.assign(np.zeros(likelihood.output_conv.kernel.shape))
    found = numpy_of(
        likelihood.logits(
            tensor(np.zeros((2, *shape)).reshape(2, 4, 3, -1)), likelihood(tensor(np.zeros((2, 5))))
        )
    )
    np.testing.assert_array_equal(found[..., 0], 0.0)
    np.testing.assert_array_equal(found[..., 1], -2.25)
