"""The fused updates on PyTorch and TensorFlow are Keras' Adam."""

import importlib
from contextlib import nullcontext

import keras
import numpy as np
import pytest

from hiervae.optimizers import NormalizedAdam
from hiervae.utils.pairs import mark_pairs
from tests.support.models import tensor

pytestmark = pytest.mark.backends("torch", "tensorflow")
SHAPES = ((3, 4), (4,), (5, 2))


def adam():
    """The module of the backend."""
    return importlib.import_module(f"hiervae.backend.{keras.backend.backend()}_adam")


def without_gradients():
    if keras.backend.backend() != "torch":
        return nullcontext()
    return importlib.import_module("torch").no_grad()


def weights():
    rng = np.random.default_rng(0)
    return [keras.Variable(rng.normal(size=size).astype("float32")) for size in SHAPES]


def steps(optimizer, apply, num=20):
    """The weights after some steps along the same random gradients."""
    variables = weights()
    if isinstance(optimizer, NormalizedAdam):  # one weight with two maps, side by side
        mark_pairs(variables[:1])
    optimizer.build(variables)
    rng = np.random.default_rng(1)
    with without_gradients():
        for _ in range(num):
            gradients = [tensor(rng.normal(size=size)) for size in SHAPES]
            apply(optimizer, gradients, variables)
    return [keras.ops.convert_to_numpy(v) for v in variables + optimizer.variables]


def fused(optimizer, gradients, variables):
    assert adam().apply_fused(optimizer, gradients, variables), "not fused"


def by_keras(optimizer, gradients, variables):
    optimizer.apply(gradients, variables)


@pytest.mark.parametrize(
    "rate", [1e-2, keras.optimizers.schedules.ExponentialDecay(1e-2, 5, 0.5)], ids=["rate", "decay"]
)
def test_weights_moments_and_count_are_those_of_keras(rate):
    settings = {"learning_rate": rate, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3}
    found = steps(keras.optimizers.Adam(**settings), fused)
    expected = steps(keras.optimizers.Adam(**settings), by_keras)
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


def test_normalised_gradients_are_those_of_keras_own_steps():
    found = steps(NormalizedAdam(1e-2, epsilon=1e-3), fused)
    expected = steps(NormalizedAdam(1e-2, epsilon=1e-3), by_keras)
    plain = steps(keras.optimizers.Adam(1e-2, epsilon=1e-3), fused)
    for value, wanted, other in zip(found, expected, plain, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)
        if value.size > 1:
            assert np.abs(value - other).max() > 1e-3


def test_a_class_derived_from_one_that_says_what_it_does_is_left_to_keras():
    class Still(NormalizedAdam):
        def update_step(self, gradient, variable, learning_rate):
            pass

    found = steps(Still(1e-2), adam().apply_step, num=2)
    for value, start in zip(found, weights()):
        np.testing.assert_array_equal(value, keras.ops.convert_to_numpy(start))


@pytest.mark.parametrize(
    "options",
    [
        {"amsgrad": True},
        {"clipnorm": 1.0},
        {"global_clipnorm": 1.0},
        {"clipvalue": 1.0},
        {"use_ema": True},
        {"weight_decay": 0.1},
        {"gradient_accumulation_steps": 2},
        {"loss_scale_factor": 8.0},
    ],
    ids=lambda options: next(iter(options)),
)
def test_whatever_else_an_adam_does_is_left_to_keras(options):
    found = steps(keras.optimizers.Adam(1e-2, **options), adam().apply_step, num=4)
    expected = steps(keras.optimizers.Adam(1e-2, **options), by_keras, num=4)
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(value, wanted)


@pytest.mark.parametrize("name", ["AdamW", "SGD", "RMSprop"])
def test_other_optimisers_are_left_to_keras(name):
    optimizer, variables = getattr(keras.optimizers, name)(), weights()
    optimizer.build(variables)
    gradients = [keras.ops.ones(size) for size in SHAPES]
    assert not adam().apply_fused(optimizer, gradients, variables)


def test_a_constrained_weight_is_left_to_keras():
    variable = keras.Variable(np.ones(3, "float32"))
    variable.constraint = keras.constraints.NonNeg()
    optimizer = keras.optimizers.Adam()
    optimizer.build([variable])
    assert not adam().apply_fused(optimizer, [keras.ops.ones(3)], [variable])
