"""Rows a pass, functions compiled for few sizes, and models that outlive an error."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from scipy.special import logsumexp

from hiervae import presets
from hiervae.model import row_cost
from hiervae.model.score_plan import ScorePlan
from tests.support.models import binary_data, compiled, small_model, vhp

X = binary_data(24)


def test_rows_of_a_pass_follow_from_the_largest_layer(monkeypatch):
    model = small_model(network={"name": "mlp", "hidden_units": (100,)})
    model.build((None, 60))
    for accelerated, most, memory in (
        (True, row_cost.MOST_ROWS, "MEMORY_PER_PASS"),
        (False, row_cost.MOST_ROWS_ON_CPU, "MEMORY_PER_PASS_ON_CPU"),
    ):
        monkeypatch.setattr(row_cost, "has_accelerator", lambda found=accelerated: found)
        assert model.rows_in_memory() == most
        monkeypatch.setattr(row_cost, memory, 1 << 20)
        assert model.rows_in_memory() == (1 << 20) // (4 * 4 * (60 + 100))
        monkeypatch.setattr(row_cost, memory, 1)
        assert model.rows_in_memory() == 1


@pytest.mark.compiles(1)
@pytest.mark.parametrize(
    ("name", "shape", "low", "high"),
    [("vamp_hvae", (784,), 2_000, 10_000), ("vamp_conv_hvae", (28, 28), 20, 2_000)],
)
def test_rows_of_presets(name, shape, low, high):
    assert low <= presets.build(name, input_shape=shape).rows_in_memory() <= high


def test_few_sizes_are_compiled_for():
    plans = [
        (num, ScorePlan.of(num, samples, 100, 10_000))
        for num in range(1, 300)
        for samples in (1, 7, 130, 5000)
    ]
    for num, plan in plans:
        assert plan.batch_size * plan.chunk <= 10_000
        assert -(-plan.num_samples // plan.chunk) * plan.chunk <= 1.25 * plan.num_samples
        shares = plan.shares(min(num, plan.batch_size))
        done = plan.batch_size * plan.chunk * shares.num_passes
        if plan.num_samples == 5000:
            assert done <= 2 * min(num, plan.batch_size) * plan.num_samples
    assert {plan.batch_size for _, plan in plans if plan.num_samples == 5000} == {100}
    assert len({plan.batch_size for _, plan in plans}) <= 5
    assert len({plan.chunk for _, plan in plans if plan.batch_size == 100}) == 4


@pytest.mark.parametrize("num_examples", [1, 2, 7, 33, 99, 100])
@pytest.mark.parametrize("num_samples", [1, 3, 130, 5000])
@pytest.mark.parametrize("drawn", [False, True])
def test_the_rows_of_an_example_share_its_samples(num_examples, num_samples, drawn):
    plan = ScorePlan.of(num_examples, num_samples, 100, 2000, components_are_drawn=drawn)
    shares = plan.shares(num_examples)
    done = np.zeros((num_examples, num_samples), dtype=int)
    for row, first, end in zip(shares.rows, shares.first, shares.end, strict=True):
        assert end - first <= shares.num_passes * plan.chunk
        done[row, first:end] += 1
    assert np.all(done == 1)
    assert len(shares.rows) == plan.batch_size
    assert not drawn or shares.copies == 1


def test_the_sums_of_shares_are_joined():
    bounds = np.random.default_rng(0).normal(scale=30.0, size=(4, 90))
    plan = ScorePlan.of(4, 90, 12, 120)
    shares = plan.shares(4)
    sums = np.zeros((3, plan.batch_size))
    sums[0] = -3e38
    means = np.zeros((1, plan.batch_size))
    for index, (row, first, end) in enumerate(
        zip(shares.rows, shares.first, shares.end, strict=True)
    ):
        if (part := bounds[row, first:end]).size:
            weights = np.exp(part - part.max())
            sums[:, index] = part.max(), weights.sum(), np.square(weights).sum()
            means[0, index] = part.sum()
    assert shares.copies == 3
    peak, total, squares = plan.joined(sums, 4, shares.copies)
    np.testing.assert_allclose(peak + np.log(total), logsumexp(bounds, axis=1))
    np.testing.assert_allclose(2 * peak + np.log(squares), logsumexp(2 * bounds, axis=1))
    averaged = replace(plan, closed_form=True).joined(means, 4, shares.copies)
    np.testing.assert_allclose(averaged, bounds.sum(axis=1)[None])


@pytest.mark.parametrize("prior", ["standard_normal", "vhp"])
def test_scores_do_not_depend_on_the_number_of_examples(prior):
    model = small_model(prior=vhp() if prior == "vhp" else prior)
    model.build((None, 6))
    options = {"num_samples": 150, "verbose": 0, "rows_per_pass": 300}
    alone = [model.score(X[:num], **options) for num in (3, 24)]
    whole = model.score(X, batch_size=24, **options)
    for part in alone:
        for name in ("log_likelihood", "effective_sample_size", "standard_error"):
            found = getattr(part, name)
            expected = getattr(whole, name)[: len(found)]
            np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


@pytest.mark.compiles(4)
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
