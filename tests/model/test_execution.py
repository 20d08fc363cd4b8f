"""However the step is run, it computes the same."""

import threading

import keras
import numpy as np
import pytest

import hiervae
from tests.support.models import binary_data, compiled, rewo, small_model, vhp, weights_of
from tests.support.noise import no_noise

X = binary_data(16)
VAMP = {"name": "vamp", "num_components": 4}


def train(optimizer=None, batch_size=4, callbacks=None, model_options=None, **options):
    """One epoch in order; logs and trained weights."""
    model = compiled(small_model(**model_options or {}), optimizer, **options)
    logs = model.fit(
        X, batch_size=batch_size, shuffle=False, verbose=0, callbacks=callbacks
    ).history
    return logs, list(weights_of(model).values())


@pytest.fixture(scope="module")
def plain():
    return train(callbacks=[rewo()])


def assert_same(found, expected, tolerance=1e-5):
    logs, weights = found
    expected_logs, expected_weights = expected
    assert logs.keys() == expected_logs.keys()
    for name, values in expected_logs.items():
        assert logs[name] == pytest.approx(values, rel=tolerance, abs=tolerance), name
    for new, wanted in zip(weights, expected_weights, strict=True):
        np.testing.assert_allclose(new, wanted, rtol=tolerance, atol=tolerance)


def test_eagerly(plain):
    assert_same(train(callbacks=[rewo()], run_eagerly=True), plain)


@pytest.mark.backends("jax", "tensorflow")
def test_compiled_with_xla(plain):
    """TensorFlow under XLA draws other noise from a seed, so there is none here."""
    with no_noise():
        expected = train(callbacks=[rewo()], jit_compile=False)
        assert_same(train(callbacks=[rewo()], jit_compile=True), expected)


@pytest.mark.backends("jax", "tensorflow")
def test_several_steps_an_execution(plain):
    """Three at once, then the one that is left."""
    assert_same(train(callbacks=[rewo()], steps_per_execution=3), plain)


def test_accumulated_gradients_equal_a_larger_batch():
    with no_noise():
        _, expected = train(keras.optimizers.SGD(0.1), batch_size=8)
        optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
        _, found = train(optimizer, batch_size=4)
        _, other = train(keras.optimizers.SGD(0.1), batch_size=4)
    for new, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(new, wanted, atol=1e-6)
    assert max(np.abs(a - b).max() for a, b in zip(other, expected, strict=True)) > 1e-4


def test_a_scaled_loss_gives_the_same_step():
    """Were the loss not scaled, the step would be 1/1024 of what it should be."""
    with no_noise():
        expected = train(keras.optimizers.SGD(0.1))
        optimizer = keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(0.1), initial_scale=1024.0
        )
        assert_same(train(optimizer), expected)


@pytest.mark.compiles(1)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    with no_noise():
        _, expected = train(model_options={"prior": vhp()})
        model = compiled(small_model(prior=vhp(), dtype=policy))
        logs = model.fit(X, batch_size=4, shuffle=False, verbose=0).history
    wrapped = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert wrapped == (policy == "mixed_float16")
    assert all(np.isfinite(values).all() for values in logs.values())
    for weight, wanted in zip(model.trainable_variables, expected, strict=True):
        assert weight.dtype == "float32"
        np.testing.assert_allclose(keras.ops.convert_to_numpy(weight), wanted, atol=2e-2)
    blocks = model.inference.encoders[0].branches[0]
    assert blocks.compute_dtype == policy.removeprefix("mixed_"), "nothing is in low precision"
    terms = model(keras.ops.convert_to_tensor(X), return_terms=True)
    for value in (terms.log_likelihood, terms.reconstruction_error, *terms.kl.values()):
        assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert keras.config.dtype_policy().name == "float32", "the global policy was changed"


def test_products_in_bfloat16_change_the_loss_by_less_than_a_percent():
    """At equal weights and noise, for examples of 64 values and wider layers."""
    x = binary_data(32, size=64)
    options = {"network": {"name": "gated_mlp", "hidden_units": (64, 64)}, "prior": vhp()}

    def loss(dtype):
        model = compiled(small_model(dtype=dtype, **options), keras.optimizers.SGD(0.0))
        return model.fit(x, batch_size=32, shuffle=False, verbose=0).history["loss"][0]

    with no_noise():
        exact, rounded = loss("float32"), loss("mixed_bfloat16")
    assert rounded == pytest.approx(exact, rel=0.01)
    assert rounded != pytest.approx(exact, rel=1e-6), "nothing was rounded"


@pytest.mark.parametrize(
    "options", [{"loss": "mse"}, {"metrics": ["mae"]}, {"loss_weights": [1.0], "loss": "mse"}]
)
def test_losses_and_metrics_of_others_are_refused(options):
    with pytest.raises(
        ValueError, match=r"compile\(\) received .*are the model's own. Leave it out"
    ):
        small_model().compile("adam", **options)


def test_fit_needs_compile():
    with pytest.raises(ValueError, match="compile"):
        small_model().fit(X, verbose=0)


def test_seeds_give_the_same_training():
    first, second = train(), train()
    assert_same(first, second, 1e-7)
    other = train(model_options={"seed": 1})
    assert not np.allclose(other[1][0], first[1][0])


def test_noise_differs_between_steps():
    """With a learning rate of zero only the noise can change the loss."""
    model = compiled(small_model(), keras.optimizers.SGD(0.0))
    losses = model.fit(X[:4], batch_size=4, epochs=4, shuffle=False, verbose=0).history["loss"]
    assert len(set(losses)) == 4


class LoggingMore(hiervae.HierarchicalVAE):
    """Logs a number more in each step, of training and of evaluation."""

    def train_step(self, *args):
        return self._with_more(super().train_step(*args), 7.0)

    def test_step(self, *args):
        return self._with_more(super().test_step(*args), 8.0)

    def _with_more(self, outcome, value):
        if keras.backend.backend() == "jax":
            logs, state = outcome
            return {**logs, "more": value}, state
        return {**outcome, "more": value}


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_steps_of_a_subclass_log_what_they_return(run_eagerly):
    options = {"latent_dims": 2, "network": {"name": "mlp", "hidden_units": (8,)}, "seed": 0}
    found = []
    for kind in (LoggingMore, hiervae.HierarchicalVAE):
        model = compiled(kind(**options), run_eagerly=run_eagerly)
        logs = model.fit(X, batch_size=4, epochs=2, verbose=0, validation_data=X).history
        found.append({name: values for name, values in logs.items() if "more" not in name})
    assert logs.keys() == found[0].keys()
    for name, values in found[0].items():
        assert found[1][name] == pytest.approx(values, rel=1e-5, abs=1e-5)
    model = compiled(LoggingMore(**options), run_eagerly=run_eagerly)
    logs = model.fit(X, batch_size=4, verbose=0, validation_data=X).history
    assert (logs["more"], logs["val_more"]) == ([7.0], [8.0])


class MeasuringMore(hiervae.HierarchicalVAE):
    """Has a metric of its own, of the batches it sees."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ones = keras.metrics.Mean(name="ones")

    def terms(self, inputs, *args, **kwargs):
        self.ones.update_state(inputs)
        return super().terms(inputs, *args, **kwargs)


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_metrics_of_a_subclass_are_logged(run_eagerly):
    options = {"latent_dims": 2, "network": {"name": "mlp", "hidden_units": (8,)}, "seed": 0}
    model = compiled(MeasuringMore(**options), run_eagerly=run_eagerly)
    logs = model.fit(X, batch_size=4, epochs=3, verbose=0, validation_data=X[:5]).history
    assert logs["ones"] == pytest.approx([X.mean()] * 3, rel=1e-5)
    assert logs["val_ones"] == pytest.approx([X[:5].mean()] * 3, rel=1e-5)
    found = model.evaluate(X[5:], batch_size=2, verbose=0, return_dict=True)
    assert found["ones"] == pytest.approx(X[5:].mean(), rel=1e-5)
    assert model.train_on_batch(X[:3], return_dict=True)["ones"] == pytest.approx(X[:3].mean())


@pytest.mark.compiles(1)
def test_models_are_trained_in_threads_as_one_after_the_other():
    def train_one(seed, weights):
        model = compiled(small_model(prior=VAMP, seed=seed), keras.optimizers.Adam(1e-2))
        for number in (16, 12, 8):  # PyTorch records the step for each size
            model.fit(X[:number], batch_size=number // 2, epochs=3, verbose=0)
        weights[seed] = list(weights_of(model).values())

    alone, together = {}, {}
    for seed in range(3):
        train_one(seed, alone)
    threads = [threading.Thread(target=train_one, args=(seed, together)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together.keys() == alone.keys()
    for seed, weights in alone.items():
        for found, expected in zip(together[seed], weights, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
