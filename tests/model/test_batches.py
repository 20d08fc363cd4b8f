"""Last partial batches and sample weights are counted for what they are."""

import keras
import numpy as np
import pytest

from hiervae.errors import DataError
from tests.support.models import binary_data, compiled, small_model
from tests.support.noise import no_noise

X = binary_data(10)
WEIGHTS = np.array([0, 1, 2, 3, 1, 0, 2, 1, 1, 5])
DUPLICATED = np.repeat(X, WEIGHTS, axis=0)


class Batches(keras.utils.PyDataset):
    """Four examples a batch, with their weights where some are given."""

    def __init__(self, x, weights=None):
        super().__init__()
        self.x, self.weights = x, weights

    def __len__(self):
        return -(-len(self.x) // 4)

    def __getitem__(self, index):
        rows = slice(4 * index, 4 * index + 4)
        if self.weights is None:
            return (self.x[rows],)
        return self.x[rows], np.zeros(len(self.x[rows])), self.weights[rows]


@pytest.fixture(scope="module")
def model():
    with no_noise():
        model = compiled(small_model())
        model.fit(X, batch_size=4, shuffle=False, verbose=0)
        yield model


def evaluate(model, *args, **options):
    return model.evaluate(*args, verbose=0, return_dict=True, **options)


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5, abs=1e-6), name


def test_partial_batches_count_for_their_examples(model):
    whole = evaluate(model, X, batch_size=10)
    assert_same(evaluate(model, X, batch_size=4), whole)
    assert_same(evaluate(model, Batches(X)), whole)
    assert whole["elbo"] == pytest.approx(np.mean(model.elbo(X, batch_size=4)), rel=1e-5)
    assert whole["loss"] == pytest.approx(-whole["elbo"], rel=1e-6)
    parts = [evaluate(model, X[:4])["loss"], evaluate(model, X[4:])["loss"]]
    assert whole["loss"] == pytest.approx((4 * parts[0] + 6 * parts[1]) / 10, rel=1e-5)
    assert abs(parts[0] - parts[1]) > 1e-3, "the parts would tell nothing"


def test_training_logs_count_partial_batches(model):
    weights = model.get_weights()
    rate = float(model.optimizer.learning_rate)
    model.optimizer.learning_rate = 0.0
    logs = model.fit(X, batch_size=4, verbose=0).history
    model.optimizer.learning_rate = rate
    expected = evaluate(model, X)
    assert logs.keys() == expected.keys()
    for name, values in logs.items():
        if name == "constraint":  # in training the running average, without a rule the last batch's
            continue
        assert values[0] == pytest.approx(expected[name], rel=1e-5, abs=1e-6), name
    for new, old in zip(model.get_weights(), weights, strict=True):
        if new.dtype.kind == "f":
            np.testing.assert_array_equal(new, old)


def test_integer_weights_equal_duplicates_in_evaluation(model):
    expected = evaluate(model, DUPLICATED)
    assert abs(expected["loss"] - evaluate(model, X)["loss"]) > 1e-3
    assert_same(evaluate(model, X, sample_weight=WEIGHTS, batch_size=4), expected)
    assert_same(evaluate(model, X, sample_weight=3 * WEIGHTS), expected)
    assert_same(evaluate(model, Batches(X, WEIGHTS.astype("float32"))), expected)


def test_integer_weights_equal_duplicates_in_training(model):
    start = model.get_weights()

    def step(x, **options):
        model.set_weights(start)
        logs = model.fit(x, batch_size=len(x), shuffle=False, verbose=0, **options).history
        return logs, model.get_weights()

    logs, weights = step(X, sample_weight=WEIGHTS, validation_data=(X, None, WEIGHTS))
    expected_logs, expected = step(DUPLICATED, validation_data=(DUPLICATED,))
    plain = step(X)[1]
    for name, values in expected_logs.items():
        assert logs[name] == pytest.approx(values, rel=1e-5, abs=1e-6), name
    for found, wanted in zip(weights, expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert max(np.abs(a - b).max() for a, b in zip(plain, expected, strict=True)) > 1e-3
    model.set_weights(start)


def test_a_batch_without_weight_changes_nothing(model):
    start = model.get_weights()
    logs = model.fit(X, sample_weight=np.zeros(10), batch_size=10, verbose=0).history
    assert logs["loss"] == [0.0]
    for new, old in zip(model.trainable_variables, start, strict=False):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(new), old, atol=1e-12)


def test_validation_split_keeps_the_weights(model):
    start = model.get_weights()
    logs = model.fit(
        X, sample_weight=WEIGHTS, validation_split=0.4, batch_size=10, verbose=0
    ).history
    expected = evaluate(model, X[6:], sample_weight=WEIGHTS[6:])
    assert logs["val_loss"][0] == pytest.approx(expected["loss"], rel=1e-5)
    model.set_weights(start)


@pytest.mark.parametrize(
    "weights", [np.ones(9), np.ones((10, 1)), -np.ones(10), np.full(10, np.nan), 2.0]
)
def test_wrong_weights_are_refused(model, weights):
    for call in (model.fit, model.evaluate):
        with pytest.raises(DataError, match=r"sample_weight has the shape.*expected \(10,\)"):
            call(X, sample_weight=weights, verbose=0)
