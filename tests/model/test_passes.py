"""Rows a pass, functions compiled for few sizes, and models that outlive an error."""

import keras
import numpy as np
import pytest

from hiervae import presets
from hiervae.model import row_cost
from tests.support.models import binary_data, compiled, small_model

X = binary_data(24)


def test_rows_of_a_pass_follow_from_the_largest_layer(monkeypatch):
    model = small_model(network={"name": "mlp", "hidden_units": (100,)})
    model.build((None, 60))
    assert model.rows_in_memory() in (row_cost.MOST_ROWS, row_cost.MOST_ROWS_ON_CPU)
    monkeypatch.setattr(row_cost, "MEMORY_PER_PASS", 1 << 20)
    assert model.rows_in_memory() == (1 << 20) // (4 * 4 * (60 + 100))
    monkeypatch.setattr(row_cost, "MEMORY_PER_PASS", 1)
    assert model.rows_in_memory() == 1


@pytest.mark.parametrize(
    ("name", "shape", "low", "high"),
    [("vamp_hvae", (784,), 2_000, 10_000), ("vamp_conv_hvae", (28, 28), 100, 2_000)],
)
def test_rows_of_presets(name, shape, low, high):
    assert low <= presets.build(name, input_shape=shape).rows_in_memory() <= high


def test_few_sizes_are_compiled_for():
    model = small_model()
    plans = [
        (num, model._plan(num, samples, 100, 10_000, False))
        for num in range(1, 300)
        for samples in (1, 7, 130, 5000)
    ]
    for num, plan in plans:
        assert plan.batch_size * plan.chunk <= 10_000
        batches = -(-num // plan.batch_size)
        assert batches * plan.batch_size <= 1.25 * num + batches
        assert -(-plan.num_samples // plan.chunk) * plan.chunk <= 1.25 * plan.num_samples
    assert len({plan.batch_size for _, plan in plans}) < 25
    assert len({plan.chunk for _, plan in plans if plan.batch_size == 100}) == 4


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("what", ["evaluate", "predict", "validate", "nested"])
def test_an_error_leaves_the_model_whole(what, error):
    class Fail(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            raise error("boom")

        on_predict_batch_end = on_test_batch_end

    class Nested(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.evaluate(X, batch_size=8, verbose=0, callbacks=[Fail()])

    model = compiled(small_model())
    model.fit(X, batch_size=8, verbose=0)
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
    calls = {
        "evaluate": lambda: model.evaluate(X, batch_size=8, verbose=0, callbacks=[Fail()]),
        "predict": lambda: model.predict(X, batch_size=8, verbose=0, callbacks=[Fail()]),
        "validate": lambda: model.fit(
            X, batch_size=8, verbose=0, validation_data=(X,), callbacks=[Fail()]
        ),
        "nested": lambda: model.fit(X, batch_size=8, verbose=0, callbacks=[Nested()]),
    }
    with pytest.raises(error, match="boom"):
        calls[what]()
    after = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    same = all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert same == (what in ("evaluate", "predict"))
    assert np.isfinite(model.predict(X, verbose=0)).all()
    model.fit(X, batch_size=8, verbose=0)
