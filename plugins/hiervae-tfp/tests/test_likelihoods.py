"""Densities of likelihoods against SciPy and sums."""

import numpy as np
import pytest
import tensorflow as tf
from hiervae.errors import DataError
from keras import ops
from scipy import optimize, special, stats
from tfp_support import moved, numpy, seed, small_model, weights

COUNTS = np.array([[0, 1, 7, 250], [3, 0, 12, 9000]], dtype="float32")
POSITIVE = {"output": [], "constraint": "positive"}
FEATURES = np.random.default_rng(3).standard_normal((2, 8)).astype("float32")


def with_likelihood(distribution, **options):
    likelihood = {"name": "tfp", "distribution": distribution, **options}
    return moved(small_model(likelihood=likelihood).likelihood)


def outputs(likelihood):
    """Parameters before constraints, from the head's own weights."""
    kernel, bias = (numpy(weight) for weight in likelihood.head.weights)
    flat = FEATURES @ kernel + bias
    return flat.reshape(2, 4, -1).astype("float64")


def log_prob(likelihood, value):
    return numpy(likelihood.log_prob(ops.convert_to_tensor(value), likelihood(FEATURES)))


def soft_clip(values, low, high):
    """What clips with soft corners: softplus towards the lower end, then towards the upper one."""
    raised = low + np.logaddexp(0.0, values - low)
    width = high - low
    fall = np.logaddexp(0.0, high - raised) * width / np.logaddexp(0.0, width)
    return high - fall


def started(raw, target, low, high):
    """What is clipped so, where the parameter starts at `target`."""
    starts = [
        optimize.brentq(lambda x, t=t: soft_clip(x, low, high) - t, low - 50.0, high + 50.0)
        for t in np.atleast_1d(target)
    ]
    return soft_clip(raw + np.reshape(starts, np.shape(target)), low, high)


def test_poisson_against_scipy():
    likelihood = with_likelihood("poisson")
    rates = np.exp(outputs(likelihood)[..., 0])
    expected = stats.poisson.logpmf(COUNTS, rates).sum(axis=1)
    np.testing.assert_allclose(log_prob(likelihood, COUNTS), expected, rtol=1e-3)
    np.testing.assert_allclose(numpy(likelihood.mean(likelihood(FEATURES))), rates, rtol=1e-3)


@pytest.mark.parametrize("dispersion", ["learned", "predicted"])
def test_negative_binomial_against_scipy(dispersion):
    likelihood = with_likelihood("negative_binomial", dispersion=dispersion)
    raw = outputs(likelihood)
    if dispersion == "learned":
        log_number, logits = weights(likelihood)["likelihood_total_count"], raw[..., 0]
    else:
        log_number, logits = raw[..., 0], raw[..., 1]
    ends = np.log([1e-2, 1e4])
    is_weight = dispersion == "learned"  # whose value holds where it starts
    number = np.exp(soft_clip(log_number, *ends) if is_weight else started(log_number, 0.0, *ends))
    expected = stats.nbinom.logpmf(COUNTS, number, special.expit(-logits)).sum(axis=1)
    np.testing.assert_allclose(log_prob(likelihood, COUNTS), expected, rtol=1e-3, atol=0.05)


def test_student_t_against_scipy():
    likelihood = with_likelihood("student_t")
    own = weights(likelihood)
    freedom = np.exp(soft_clip(own["likelihood_df"], np.log(2.1), np.log(200.0)))
    scale = np.exp(soft_clip(own["likelihood_scale"], np.log(1e-3), np.log(1e3)))
    value = COUNTS[:, ::-1].copy() / 100.0
    location = outputs(likelihood)[..., 0]
    expected = stats.t.logpdf(value, freedom, location, scale).sum(axis=1)
    np.testing.assert_allclose(log_prob(likelihood, value), expected, rtol=1e-4)
    error = numpy(likelihood.reconstruction_error(value, likelihood(FEATURES)))
    highest = stats.t.logpdf(location, freedom, location, scale).sum(axis=1)
    np.testing.assert_allclose(error, highest - expected, rtol=1e-3)


def test_categories_against_a_sum():
    likelihood = with_likelihood("categorical", num_categories=3)
    shares = special.softmax(outputs(likelihood), axis=-1)
    value = np.array([[0, 1, 2, 1], [2, 2, 0, 0]])
    expected = np.log(np.take_along_axis(shares, value[..., None], axis=-1)).sum(axis=(1, 2))
    np.testing.assert_allclose(log_prob(likelihood, value.astype("float32")), expected, rtol=1e-4)
    mean = numpy(likelihood.mean(likelihood(FEATURES)))
    np.testing.assert_allclose(mean, shares @ np.arange(3.0), rtol=1e-4)


def test_quantised_logistic_mixture_sums_to_one_over_256_levels():
    likelihood = with_likelihood("quantised_logistic_mixture", num_components=3)
    raw = outputs(likelihood)[0, 0]
    logits, locations, log_scales = raw[:3], raw[3:6], raw[6:]
    locations = started(locations, 255.0 * np.array([1.0, 3.0, 5.0]) / 6.0, -127.5, 382.5)
    low, high = np.log([0.1, 128.5])
    scales = np.exp(started(log_scales, np.log(25.7), low, high))
    edges = np.concatenate([[-np.inf], np.arange(255) + 0.5, [np.inf]])
    masses = np.diff(special.expit((edges - locations[:, None]) / scales[:, None]))
    masses = special.softmax(logits) @ masses
    levels = np.tile(np.arange(256, dtype="float32")[:, None] / 255.0, (1, 4))
    parameters = np.repeat(numpy(likelihood(FEATURES))[:1], 256, axis=0)
    parameters[:, 1:] = parameters[:, :1]
    got = numpy(likelihood.log_prob(levels, ops.convert_to_tensor(parameters))) / 4.0
    assert np.exp(got).sum() == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(got, np.log(masses), rtol=1e-2, atol=1e-2)
    mean = numpy(likelihood.mean(likelihood(FEATURES)))[0, 0]
    assert mean == pytest.approx(masses @ np.arange(256) / 255.0, abs=1e-3)
    draws = numpy(likelihood.sample(likelihood(FEATURES), seed()))
    np.testing.assert_allclose(draws * 255.0, np.round(draws * 255.0), atol=1e-3)


@pytest.mark.parametrize(
    ("distribution", "support", "inside", "outside"),
    [
        ({"tfd": "Gamma", "concentration": 2.0}, (0.0, None), 0.3, -0.1),
        ({"tfd": "Beta", "concentration1": 2.0}, (0.0, 1.0), 0.3, 1.1),
        ({"tfd": "Bernoulli"}, (0.0, 1.0), 1.0, 0.5),
        ({"tfd": "Binomial", "total_count": 3.0}, (0.0, 3.0), 2.0, 2.5),
    ],
)
def test_where_a_distribution_lives(distribution, support, inside, outside):
    free = {"Gamma": "log_rate", "Beta": "concentration0", "Bernoulli": "logits"}
    key = free.get(distribution["tfd"], "logits")
    constraint = {"constraint": "positive"} if key == "concentration0" else {}
    likelihood = with_likelihood({**distribution, key: {"output": [], **constraint}})
    assert likelihood.value_range == support
    assert np.isfinite(log_prob(likelihood, np.full((2, 4), inside, "float32"))).all()
    assert (log_prob(likelihood, np.full((2, 4), outside, "float32")) == -np.inf).all()
    likelihood.check_values(np.full((2, 4), inside, "float32"))
    with pytest.raises(DataError, match=f"holds {outside}"):
        likelihood.check_values(np.full((2, 4), outside, "float32"))


OPEN = [
    ({"tfd": "LogNormal", "loc": {"output": []}, "scale": 1.0}, (0.0,)),
    ({"tfd": "Gamma", "concentration": 2.0, "log_rate": {"output": []}}, (0.0,)),
    ({"tfd": "Gamma", "concentration": 0.5, "log_rate": {"output": []}}, (0.0,)),
    ({"tfd": "Weibull", "concentration": 2.0, "scale": POSITIVE}, (0.0,)),
    ({"tfd": "InverseGamma", "concentration": 2.0, "scale": POSITIVE}, (0.0,)),
    ({"tfd": "InverseGaussian", "loc": POSITIVE, "concentration": 1.0}, (0.0,)),
    ({"tfd": "Chi2", "df": POSITIVE}, (0.0,)),
    ({"tfd": "Beta", "concentration1": 2.0, "concentration0": POSITIVE}, (0.0, 1.0)),
    ({"tfd": "Kumaraswamy", "concentration1": 2.0, "concentration0": POSITIVE}, (0.0, 1.0)),
    ({"tfd": "LogitNormal", "loc": {"output": []}, "scale": 1.0}, (0.0, 1.0)),
]
CLOSED = [
    ({"tfd": "Exponential", "rate": POSITIVE}, (0.0,)),
    ({"tfd": "HalfNormal", "scale": POSITIVE}, (0.0,)),
    ({"tfd": "HalfCauchy", "loc": 0.0, "scale": POSITIVE}, (0.0,)),
    ({"tfd": "HalfStudentT", "df": 3.0, "loc": 0.0, "scale": POSITIVE}, (0.0,)),
    ({"tfd": "ContinuousBernoulli", "logits": {"output": []}}, (0.0, 1.0)),
]


@pytest.mark.parametrize(("distribution", "ends"), OPEN)
def test_an_end_without_a_density_is_no_value(distribution, ends):
    likelihood = with_likelihood(distribution)
    for end in ends:
        value = np.full((2, 4), 0.3, "float32")
        value[0, 1] = end
        assert log_prob(likelihood, value)[0] == -np.inf
        assert np.isfinite(log_prob(likelihood, value)[1])
        with pytest.raises(DataError, match=rf"holds {end} at position \(0, 1\).* above 0"):
            likelihood.check_values(value)


@pytest.mark.parametrize(("distribution", "ends"), CLOSED)
def test_an_end_with_a_density_is_a_value(distribution, ends):
    likelihood = with_likelihood(distribution)
    for end in ends:
        value = np.full((2, 4), end, "float32")
        assert np.isfinite(log_prob(likelihood, value)).all()
        likelihood.check_values(value)


def test_what_is_an_end_in_float32_is_no_value():
    likelihood = with_likelihood(OPEN[-1][0])
    with pytest.raises(DataError, match="above 0 and below 1"):
        likelihood.check_values(np.full((2, 4), 1.0 - 1e-12))


def test_training_beside_an_end_without_a_density_stays_finite():
    likelihood = with_likelihood(OPEN[0][0])
    value = np.array([[0.0, 1.0, 2.0, 3.0], [1.0, 1.0, 2.0, 3.0]], "float32")
    with tf.GradientTape() as tape:
        total = likelihood.log_prob(value, likelihood(FEATURES))
        cost = -tf.reduce_sum(tf.where(tf.math.is_finite(total), total, 0.0))
    for gradient in tape.gradient(cost, [w.value for w in likelihood.head.trainable_variables]):
        assert np.isfinite(numpy(gradient)).all()


def test_a_support_that_is_given():
    config = {"tfd": "Skellam", "log_rate1": {"output": []}, "log_rate2": {"output": []}}
    support = {"low": None, "high": None, "step": 1.0}
    likelihood = with_likelihood(config, support=support)
    first, second = np.moveaxis(np.exp(outputs(likelihood)), -1, 0)
    value = np.array([[0, 1, -2, 3], [1, 1, 1, 1]], dtype="float32")
    expected = stats.skellam.logpmf(value, first, second).sum(axis=1)
    np.testing.assert_allclose(log_prob(likelihood, value), expected, rtol=1e-3)
    with pytest.raises(DataError, match=r"holds 0\.5"):
        likelihood.check_values(value + 0.5)
