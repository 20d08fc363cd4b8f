"""However the step is run, it computes the same."""

import keras
import numpy as np
import pytest

from tests.support.models import binary_data, compiled, rewo, small_model, vhp, weights_of
from tests.support.noise import no_noise

X = binary_data(16)


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
