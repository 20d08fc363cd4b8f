import keras
import numpy as np
import pytest
from scipy import stats

from hiervae.errors import DataError
from hiervae.likelihoods.discretized_logistic import DiscretizedLogistic
from tests.support.gradients import gradient
from tests.support.models import compiled, context, numpy_of, small_model, tensor
from tests.support.statistics import assert_mean

RNG = np.random.default_rng(0)
GREYS = (np.arange(256) / 255.0).astype("float32")
LOCATIONS = (1 / 512, 0.1, 0.4999, 0.75, 1 - 1 / 512)
LOG_SCALES = (-4.5, -2.0, 0.0)


def pair(location, log_scale, size=1):
    """Parameters of `size` rows of one value."""
    return tensor(np.full((size, 1), location)), tensor(np.full((size, 1), log_scale))


def truth(location, log_scale):
    """Probabilities of the 256 levels from SciPy's distribution functions, in float64.

    A difference in the upper tail is taken between survival functions, which do not cancel there.
    """
    logistic = stats.logistic(location, np.exp(log_scale))
    edges = np.arange(1, 256) / 256.0
    below, above = np.append(0.0, logistic.cdf(edges)), np.append(logistic.cdf(edges), 1.0)
    lower, upper = np.append(1.0, logistic.sf(edges)), np.append(logistic.sf(edges), 0.0)
    return np.where(below < 0.5, above - below, lower - upper)


@pytest.mark.parametrize("log_scale", LOG_SCALES)
@pytest.mark.parametrize("location", LOCATIONS)
def test_log_prob_against_scipy(location, log_scale):
    parameters = pair(location, log_scale, 256)
    found = numpy_of(DiscretizedLogistic().log_prob(tensor(GREYS[:, None]), parameters))
    np.testing.assert_allclose(found, np.log(truth(location, log_scale)), rtol=2e-5, atol=2e-5)
    assert np.exp(found).sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("log_scale", [-12.0, -4.5, 0.0, 8.0])
@pytest.mark.parametrize("location", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_probabilities_sum_to_one_however_extreme(location, log_scale):
    parameters = pair(location, log_scale, 256)
    found = numpy_of(DiscretizedLogistic().log_prob(tensor(GREYS[:, None]), parameters))
    assert np.isfinite(found).all()
    assert np.exp(found).sum() == pytest.approx(1.0, abs=1e-4)


def test_gradients_are_finite_in_the_tails():
    """The derivative by the location against that of SciPy's, where float32 would cancel."""
    likelihood = DiscretizedLogistic()
    location = np.array([[0.002], [0.002], [0.998], [0.5], [0.5]], dtype="float32")
    level = np.array([[255], [254], [1], [0], [128]])

    def total(location, log_scale):
        values = tensor(level / 255.0)
        return keras.ops.sum(likelihood.log_prob(values, (location, log_scale)))

    log_scale = np.full_like(location, -4.5)
    scale = np.exp(-4.5)
    by_location, by_log_scale = gradient(total, location, log_scale)
    assert np.isfinite(by_location).all()
    assert np.isfinite(by_log_scale).all()
    above = 1.0 / (1.0 + np.exp(-((level + 1) / 256 - location.astype("float64")) / scale))
    below = 1.0 / (1.0 + np.exp(-(level / 256 - location.astype("float64")) / scale))
    # d/dm log(F(a) - F(b)) = -(1 - F(a) - F(b)) / s, and one-sided at the two ends.
    expected = -(1.0 - above - below) / scale
    expected[level == 0] = -(1.0 - above[level == 0]) / scale
    expected[level == 255] = below[level == 255] / scale
    np.testing.assert_allclose(by_location, expected, rtol=1e-3, atol=1e-2)


def test_every_grey_has_its_own_level_and_so_do_the_values_of_a_bin():
    likelihood, parameters = DiscretizedLogistic(), pair(0.3, -1.0, 256)
    of_greys = numpy_of(likelihood.log_prob(tensor(GREYS[:, None]), parameters))
    edges = (np.arange(256) / 256.0).astype("float32")
    for values in (edges, np.nextafter(edges + 1 / 256, 0.0, dtype="float32")):
        found = numpy_of(likelihood.log_prob(tensor(values[:, None]), parameters))
        np.testing.assert_array_equal(found, of_greys)
    assert len(np.unique(of_greys)) > 250, "neighbouring levels differ in probability"


@pytest.mark.parametrize("parameters", [(0.4, -3.0), (1 / 512, -1.0), (0.9, 0.0)])
def test_draws_and_mean(parameters):
    """Frequencies against probabilities by chi-square, in cells of equal width."""
    num, cells = 40_000, 32
    likelihood, expected = DiscretizedLogistic(), truth(*parameters)
    draws = numpy_of(likelihood.sample(pair(*parameters, num), seed=keras.random.SeedGenerator(1)))
    levels = draws * 255.0
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)
    counts = np.bincount(np.round(levels).astype(int).ravel(), minlength=256)
    observed, probabilities = (each.reshape(cells, -1).sum(axis=1) for each in (counts, expected))
    kept = probabilities * num > 10
    residue = num - observed[kept].sum(), 1.0 - probabilities[kept].sum()
    observed = np.append(observed[kept], residue[0])
    probabilities = np.append(probabilities[kept], residue[1])
    if residue[1] * num < 5:
        observed, probabilities = observed[:-1], probabilities[:-1] / probabilities[:-1].sum()
        observed = observed * num / observed.sum()
    assert stats.chisquare(observed, num * probabilities).pvalue > 1e-4
    mean = numpy_of(likelihood.mean(pair(*parameters)))[0]
    np.testing.assert_allclose(mean, expected @ GREYS.astype("float64"), rtol=1e-4)
    assert_mean(draws, mean)


@pytest.mark.parametrize("log_scale", ["predicted", "learned"])
def test_parameters_are_bounded_as_published(log_scale):
    likelihood = DiscretizedLogistic(log_scale=log_scale)
    likelihood.prepare(context((3, 2)))
    likelihood.build((None, 4))
    features = RNG.normal(scale=100.0, size=(50, 4)).astype("float32")
    if log_scale == "learned":
        likelihood.learned_log_scale.assign(np.linspace(-9.0, 9.0, 6).reshape(3, 2))
    location, scale = (numpy_of(each) for each in likelihood(tensor(features)))
    assert location.shape == scale.shape == (50, 3, 2)
    assert (location.min(), location.max()) == pytest.approx((1 / 512, 1 - 1 / 512))
    assert (scale.min(), scale.max()) == pytest.approx((-4.5, 0.0))


@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan])
def test_values_outside_the_range(value):
    values = np.full((2, 1), 0.5, dtype="float32")
    values[1] = value
    found = numpy_of(DiscretizedLogistic().log_prob(tensor(values), pair(0.5, -2.0, 2)))
    assert np.isfinite(found[0])
    assert np.isneginf(found[1])
    if np.isfinite(value):
        with pytest.raises(DataError, match="divide 8-bit greys"):
            DiscretizedLogistic().check_values(values)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("log_scale", ["predicted", "learned"])
def test_mixed_precision(policy, log_scale):
    """Only the features are rounded; the density is formed in float32."""
    features = np.round(RNG.normal(size=(20, 4)) * 4.0).astype("float32") / 4.0
    values = tensor(RNG.integers(0, 256, size=(20, 2)) / 255.0)
    found = []
    for dtype in ("float32", policy):
        likelihood = DiscretizedLogistic(log_scale=log_scale, dtype=dtype)
        likelihood.prepare(context((2,)))
        keras.config.set_dtype_policy(dtype)
        try:
            likelihood.build((None, 4))
        finally:
            keras.config.set_dtype_policy("float32")
        for weight in likelihood.trainable_variables:
            weight.assign(np.linspace(-0.5, 0.5, int(np.prod(weight.shape))).reshape(weight.shape))
        log_prob = likelihood.log_prob(values, likelihood(tensor(features)))
        assert keras.backend.standardize_dtype(log_prob.dtype) == "float32"
        found.append(numpy_of(log_prob))
    assert np.isfinite(found[1]).all()
    np.testing.assert_allclose(found[1], found[0], rtol=0.02, atol=0.05)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_levels": 1}, ("num_levels=1", "at least 2")),
        ({"num_levels": 2.5}, ("num_levels=2.5", "positive integer")),
        ({"log_scale": "fixed"}, ("'fixed'", "'predicted'", "'learned'")),
        ({"mean_bounds": (0.9, 0.1)}, ("mean_bounds=(0.9, 0.1)", "increasing")),
        ({"log_scale_bounds": (0.0, float("inf"))}, ("log_scale_bounds", "finite")),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match="expected") as error:
        DiscretizedLogistic(**options)
    for word in words:
        assert word in str(error.value)


def test_in_a_model(tmp_path):
    """Trained, saved, loaded, sampled and scored; the options come back."""
    greys = (RNG.integers(0, 256, size=(32, 3, 2)) / 255.0).astype("float32")
    likelihood = {"name": "discretized_logistic", "log_scale": "learned", "num_levels": 256}
    model = compiled(small_model(likelihood=likelihood), keras.optimizers.Adam(1e-2))
    losses = model.fit(greys, batch_size=16, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert loaded.likelihood.get_config() == model.likelihood.get_config()
    for each in (model.sample(5, seed=2), loaded.sample(5, seed=2)):
        np.testing.assert_array_equal(each, model.sample(5, seed=2))
        model.likelihood.check_values(each)
    score = model.log_likelihood(greys[:4], num_samples=20, seed=0)
    np.testing.assert_allclose(
        score, loaded.log_likelihood(greys[:4], num_samples=20, seed=0), rtol=1e-5
    )
    assert (score < 0).all()


@pytest.mark.parametrize("log_scale", ["predicted", "learned"])
@pytest.mark.parametrize("bounds", [(-4.5, 0.0), (-7.0, -1.0)])
def test_log_scales_start_in_the_middle_of_their_bounds(log_scale, bounds):
    """At a bound they would have no gradient, and stay there."""
    likelihood = DiscretizedLogistic(log_scale=log_scale, log_scale_bounds=bounds)
    likelihood.prepare(context((3, 2)))
    likelihood.build((None, 4))
    location, found = likelihood(tensor(np.zeros((2, 4))))
    np.testing.assert_array_equal(numpy_of(location), 0.5)
    np.testing.assert_array_equal(numpy_of(found), 0.5 * sum(bounds))
