"""Parts that are initialised from the training examples."""

import keras
import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.priors.standard_normal import StandardNormal
from tests.support.models import EVENT_SIZE, binary_data, compiled, small_model

X = np.repeat(np.arange(40, dtype="float32")[:, None], EVENT_SIZE, axis=1) / 40


class Taker(StandardNormal):
    """A prior that wants seven examples and keeps the first value of each."""

    @property
    def num_examples_wanted(self):
        return 7

    def build(self, input_shape):
        self.kept = self.add_weight(shape=(7,), initializer="zeros", trainable=False, name="kept")
        self.calls = []

    def adapt(self, examples):
        self.calls.append(examples)
        self.kept.assign(examples[:, 0])


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return (X[5 * index : 5 * index + 5],)


def model_with_taker(**options):
    return compiled(
        small_model(
            prior=Taker(), likelihood={"name": "bernoulli", "allow_probabilities": True}, **options
        )
    )


def test_the_first_fit_gives_each_part_a_random_draw_of_examples(tmp_path):
    model = model_with_taker()
    model.fit(X, batch_size=8, verbose=0)
    (taken,) = model.prior.calls
    assert taken.shape == (7, EVENT_SIZE)
    assert len(set(taken[:, 0])) == 7, "without replacement"
    assert set(taken[:, 0]) <= set(X[:, 0])
    assert not np.array_equal(taken, X[:7]), "not the first ones"
    model.fit(X, batch_size=8, verbose=0)
    assert len(model.prior.calls) == 1
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects={"Taker": Taker})
    loaded.fit(X, batch_size=8, verbose=0)
    assert loaded.prior.calls == []
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(loaded.prior.kept), keras.ops.convert_to_numpy(model.prior.kept)
    )


def test_the_draw_depends_on_the_seed_of_the_model():
    draws = []
    for seed in (0, 0, 1):
        model = model_with_taker(seed=seed)
        model.adapt(X)
        draws.append(model.prior.calls[0][:, 0].tolist())
    assert draws[0] == draws[1] != draws[2]


def test_batches_of_a_data_set():
    model = model_with_taker()
    model.fit(Batches(), verbose=0)
    assert set(model.prior.calls[0][:, 0]) <= set(X[:10, 0])


def test_a_generator_must_be_preceded_by_adapt():
    def generator():
        while True:
            yield (X[:8],)

    model = model_with_taker()
    model.build((None, EVENT_SIZE))
    with pytest.raises(DataError, match=r"Call `model.adapt\(examples\)` first"):
        model.fit(generator(), steps_per_epoch=2, verbose=0)
    model.adapt(X)
    model.fit(generator(), steps_per_epoch=2, shuffle=False, verbose=0)
    assert len(model.prior.calls) == 1


def test_start_values_given_by_hand_are_kept(tmp_path):
    """By a model that was saved before its training too."""
    model = model_with_taker()
    model.adapt(X[20:])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects={"Taker": Taker})
    for each in (model, loaded):
        each.fit(X, batch_size=8, verbose=0)
        assert set(keras.ops.convert_to_numpy(each.prior.kept)) <= set(X[20:, 0])


def test_examples_to_validate_on_are_not_taken():
    model = model_with_taker()
    model.fit(X, batch_size=8, validation_split=0.75, verbose=0)
    assert set(model.prior.calls[0][:, 0]) <= set(X[:10, 0])


def test_the_likelihood_starts_at_the_mean_of_the_data():
    x = (np.random.default_rng(0).random((400, EVENT_SIZE)) < 0.9).astype("float32")
    model = small_model(likelihood={"name": "bernoulli", "initial_bias": "data"})
    model.adapt(x)
    bias = keras.ops.convert_to_numpy(model.likelihood.logits.bias)
    np.testing.assert_allclose(1.0 / (1.0 + np.exp(-bias)), x.mean(axis=0), atol=1e-5)


def test_models_without_such_parts_take_any_data():
    model = compiled(small_model())
    model.adapt(binary_data(8))
    model.fit(binary_data(8), verbose=0)
