import keras
import numpy as np
import pytest
from scipy import stats

from hiervae.errors import DataError
from hiervae.likelihoods.bernoulli import Bernoulli
from tests.support.models import context, numpy_of, tensor
from tests.support.statistics import assert_mean

RNG = np.random.default_rng(0)
SHAPE = (3, 2)
LOGITS = RNG.normal(scale=3.0, size=(5, *SHAPE)).astype("float32")
ONES = (RNG.random((5, *SHAPE)) < 0.5).astype("float32")


def cross_entropy(target, logits):
    """Of probabilities `target` against sigmoid(logits), summed over the event, in float64."""
    logits = logits.astype("float64")
    entries = target * np.logaddexp(0.0, -logits) + (1 - target) * np.logaddexp(0.0, logits)
    return entries.sum(axis=(1, 2))


def test_log_prob_against_scipy():
    probabilities = 1.0 / (1.0 + np.exp(-LOGITS.astype("float64")))
    expected = stats.bernoulli(probabilities).logpmf(ONES).sum(axis=(1, 2))
    found = Bernoulli().log_prob(tensor(ONES), tensor(LOGITS))
    np.testing.assert_allclose(numpy_of(found), expected, rtol=1e-5)


@pytest.mark.parametrize("logit", [-200.0, -90.0, 0.0, 90.0, 200.0])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_extreme_logits_neither_overflow_nor_cancel(logit, value):
    target = np.full((1, *SHAPE), value, dtype="float32")
    logits = np.full((1, *SHAPE), logit, dtype="float32")
    found = numpy_of(Bernoulli().log_prob(tensor(target), tensor(logits)))
    np.testing.assert_allclose(found, -cross_entropy(target, logits), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("value", "strict", "greys"),
    [(0.5, False, True), (-0.1, False, False), (1.5, False, False), (2.0, False, False)],
)
def test_values_without_a_probability(value, strict, greys):
    """Only the one example that holds the value is impossible."""
    target = ONES.copy()
    target[2, 1, 0] = value
    for allow, possible in ((False, strict), (True, greys)):
        likelihood = Bernoulli(allow_probabilities=allow)
        found = numpy_of(likelihood.log_prob(tensor(target), tensor(LOGITS)))
        assert np.isneginf(found[2]) == (not possible)
        assert np.isfinite(np.delete(found, 2)).all()


def test_greys_taken_as_probabilities_give_the_cross_entropy():
    greys = RNG.random((5, *SHAPE)).astype("float32")
    found = Bernoulli(allow_probabilities=True).log_prob(tensor(greys), tensor(LOGITS))
    np.testing.assert_allclose(numpy_of(found), -cross_entropy(greys, LOGITS), rtol=1e-5)


def test_reconstruction_error_is_the_cross_entropy():
    logits = tensor(LOGITS)
    expected = cross_entropy(ONES, LOGITS)
    np.testing.assert_allclose(
        numpy_of(Bernoulli().reconstruction_error(tensor(ONES), logits)), expected, rtol=1e-5
    )
    log_prob, error = Bernoulli().log_prob_and_error(tensor(ONES), logits)
    np.testing.assert_allclose(numpy_of(log_prob), -expected, rtol=1e-5)
    np.testing.assert_allclose(numpy_of(error), expected, rtol=1e-5)


def test_mean_and_draws():
    logits = tensor(np.tile(LOGITS[:1], (20_000, 1, 1)))
    truth = stats.bernoulli(1.0 / (1.0 + np.exp(-LOGITS[0].astype("float64"))))
    np.testing.assert_allclose(numpy_of(Bernoulli().mean(logits))[0], truth.mean(), rtol=1e-5)
    draws = numpy_of(Bernoulli().sample(logits, seed=keras.random.SeedGenerator(0)))
    assert set(np.unique(draws)) == {0.0, 1.0}
    assert_mean(draws, truth.mean())
    flat = draws.reshape(20_000, -1)
    correlations = np.corrcoef(flat, rowvar=False)[~np.eye(flat.shape[1], dtype=bool)]
    assert np.abs(correlations).max() < 0.04, "dimensions are drawn together"


def test_logits_are_an_affine_map_of_flattened_features():
    likelihood = Bernoulli()
    likelihood.prepare(context(SHAPE))
    likelihood.build((None, 2, 2))
    kernel, bias = (numpy_of(weight) for weight in likelihood.trainable_variables)
    features = RNG.normal(size=(5, 2, 2)).astype("float32")
    found = numpy_of(likelihood(tensor(features)))
    expected = (features.reshape(5, 4) @ kernel + bias).reshape(5, *SHAPE)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[0.0, 255.0]], ("0 to 255", "expects values from 0.0 to 1.0", "divide 8-bit greys")),
        ([[0.0, -1.0]], ("-1 to 0", "expects values from 0.0 to 1.0", "Rescale")),
        ([[0.0, 0.25]], ("0.25", "only 0 and 1", "allow_probabilities")),
    ],
)
def test_data_out_of_range_is_refused(values, words):
    with pytest.raises(DataError) as error:
        Bernoulli().check_values(np.array(values))
    for word in words:
        assert word in str(error.value)


def test_greys_are_accepted_on_request():
    Bernoulli(allow_probabilities=True).check_values(np.array([[0.0, 0.25]]))
    with pytest.raises(DataError, match="expects values from"):
        Bernoulli(allow_probabilities=True).check_values(np.array([[0.0, 1.25]]))


def test_config_round_trip():
    config = Bernoulli(allow_probabilities=True, name="b").get_config()
    assert Bernoulli.from_config(config).get_config() == config
    assert config["allow_probabilities"] is True


@pytest.mark.parametrize(("features_shape", "axes"), [((4,), 0), ((3, 2, 4), (0, 1, 2))])
def test_a_bias_from_data_starts_at_the_training_mean(features_shape, axes):
    likelihood = Bernoulli(initial_bias="data")
    likelihood.prepare(context((3, 2, 2)))
    likelihood.build((None, *features_shape))
    examples = (RNG.random((200, 3, 2, 2)) < [0.2, 0.7]).astype("float32")
    examples[:, 0, 0, 0] = 0.0
    assert likelihood.num_examples_wanted >= len(examples)
    likelihood.adapt(examples)
    found = numpy_of(likelihood.mean(likelihood(tensor(np.zeros((1, *features_shape))))))
    expected = np.clip(examples.mean(axis=axes), 0.001, 0.999)
    np.testing.assert_allclose(found[0], np.broadcast_to(expected, (3, 2, 2)), rtol=1e-4)


def test_a_bias_of_zeros_wants_no_data():
    assert Bernoulli().num_examples_wanted == 0
    with pytest.raises(ValueError, match="initial_bias='mean'"):
        Bernoulli(initial_bias="mean")


def test_a_word_does_not_allow_probabilities():
    with pytest.raises(ValueError, match="allow_probabilities='no': expected True or False"):
        Bernoulli(allow_probabilities="no")
