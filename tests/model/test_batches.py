"""Last partial batches and sample weights are counted for what they are."""

import keras
import numpy as np
import pytest

from hiervae.callbacks import BetaController
from hiervae.errors import DataError, NonFiniteLossError
from tests.support.models import binary_data, compiled, small_model, weights_of
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
        assert values[0] == pytest.approx(expected[name], rel=1e-5, abs=1e-6), name
    for new, old in zip(model.get_weights(), weights, strict=True):
        if new.dtype.kind == "f":
            np.testing.assert_array_equal(new, old)


def test_integer_weights_equal_duplicates_in_evaluation(model):
    expected = evaluate(model, DUPLICATED)
    assert abs(expected["loss"] - evaluate(model, X)["loss"]) > 1e-3
    assert_same(evaluate(model, X, sample_weight=WEIGHTS, batch_size=4), expected)
    assert_same(evaluate(model, X, sample_weight=3 * WEIGHTS), expected)
    assert_same(evaluate(model, X, sample_weight=WEIGHTS[:, None]), expected)
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


class Weighted(keras.utils.PyDataset):
    """Batches of five of the ten examples, with whatever weights are given."""

    def __init__(self, weights, x=X):
        super().__init__()
        self.weights, self.x = weights, x

    def __len__(self):
        return 2

    def __getitem__(self, index):
        rows = slice(5 * index, 5 * index + 5)
        weights = self.weights[index] if isinstance(self.weights, list) else self.weights[rows]
        return self.x[rows], np.zeros(5, "uint8"), weights


def test_a_batch_without_weight_changes_nothing(model):
    """Not the rule for beta either, whose initial phase would end at an error of 0."""
    start = model.get_weights()
    weights = np.repeat([0.0, 1.0], 5).astype("float32")
    rule = {"name": "rewo", "kappa": 0.01, "per_dimension": False}
    for weighted in (weights, np.zeros(10, "float32")):
        logs = model.fit(
            Weighted(weighted),
            shuffle=False,
            verbose=0,
            callbacks=[BetaController(rule, resume=False)],
        ).history
        assert logs["phase"] == [0.0]
        if not weighted.any():
            assert logs["loss"] == [0.0]
            for new, old in zip(model.trainable_variables, start, strict=False):
                np.testing.assert_allclose(keras.ops.convert_to_numpy(new), old, atol=1e-12)
        model.set_weights(start)


def test_an_example_without_weight_may_be_impossible(model):
    expected = evaluate(model, X[:9])["loss"]
    impossible = X.copy()
    impossible[9] = 0.5
    for order in (slice(None), slice(None, None, -1)):
        weights = np.repeat([1.0, 0.0], [9, 1]).astype("float32")[order]
        found = model.evaluate(Weighted(weights, impossible[order]), verbose=0, return_dict=True)
        assert found["loss"] == pytest.approx(expected, rel=1e-5)


def test_an_example_without_weight_may_be_nan_in_training():
    unknown = X.copy()
    unknown[9] = np.nan
    weights = np.repeat([1.0, 0.0], [9, 1]).astype("float32")
    trained = []
    for x in (X, unknown):
        model = compiled(small_model())
        logs = model.fit(Weighted(weights, x), epochs=2, shuffle=False, verbose=0).history
        trained.append([*model.get_weights(), np.asarray(logs["loss"])])
    for found, expected in zip(trained[1], trained[0], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(1,), (3,), (5, 6)])
def test_streamed_weights_of_another_shape_are_refused(model, shape):
    """On TensorFlow, where their number is not known before the step, by the loss."""
    weights, start = [np.ones(shape, "float32")] * 2, model.get_weights()
    message = "5 examples came with sample weights of shape|one non-negative number an example"
    with pytest.raises((ValueError, NonFiniteLossError), match=message):
        model.fit(Weighted(weights), verbose=0)
    model.set_weights(start)


def test_streamed_negative_weights_stop_the_training(model):
    start = model.get_weights()
    with pytest.raises(NonFiniteLossError, match="one non-negative number an example"):
        model.fit(Weighted(-np.ones(10, "float32")), verbose=0)
    model.set_weights(start)


def test_validation_split_keeps_the_weights(model):
    start = model.get_weights()
    logs = model.fit(
        X, sample_weight=WEIGHTS, validation_split=0.4, batch_size=10, verbose=0
    ).history
    expected = evaluate(model, X[6:], sample_weight=WEIGHTS[6:])
    assert logs["val_loss"][0] == pytest.approx(expected["loss"], rel=1e-5)
    model.set_weights(start)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(9), r"has the shape \(9,\).*expected \(10,\)"),
        (np.ones((10, 2)), r"has the shape \(10, 2\).*expected \(10,\)"),
        (2.0, r"is 2.0; expected \(10,\)"),
        (["a"] * 10, "the type <U1; expected real numbers"),
        (-np.ones(10), "holds -1.0 at position 0; expected finite numbers from 0 on"),
        (np.full(10, np.nan), r"holds nan at position \(0,\)"),
        (np.zeros(10), "0 for every example; expected a positive one"),
    ],
)
def test_wrong_weights_are_refused(model, weights, message):
    for call in (model.fit, model.evaluate):
        with pytest.raises(DataError, match=f"sample_weight .*{message}"):
            call(X, sample_weight=weights, verbose=0)


def test_the_order_follows_the_seed_whatever_kind_of_true():
    found = []
    for shuffle in (True, np.True_):
        with no_noise():
            model = compiled(small_model())
            model.fit(X, batch_size=4, shuffle=shuffle, epochs=2, verbose=0)
        found.append(list(weights_of(model).values()))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    for shuffle in (1, "batches", None):
        with pytest.raises(ValueError, match="shuffle=.*expected True or False"):
            model.fit(X, shuffle=shuffle, verbose=0)
