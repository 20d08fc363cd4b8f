"""Batch normalisation beside pseudo-inputs: few rows, layers of the user's own, several threads."""

import threading

import keras
import numpy as np
import pytest

from hiervae.networks import KerasLayers
from hiervae.networks.data_rows import data_in_first
from hiervae.networks.normalization import (
    FEWEST_ROWS,
    BatchNormalization,
    counts_all_rows,
)
from tests.support.models import binary_data, compiled, small_model

VAMP = {"name": "vamp", "num_components": 5}
RNG = np.random.default_rng(0)


def numpy_of(value):
    return keras.ops.convert_to_numpy(value)


@pytest.mark.parametrize("num", [1, 2, FEWEST_ROWS - 1, FEWEST_ROWS])
def test_behind_few_rows_the_moving_averages_normalise_pseudo_inputs(num):
    layer = BatchNormalization(epsilon=1e-5)
    layer.build((None, 3))
    layer.moving_mean.assign([1.0, 2.0, 3.0])
    layer.moving_variance.assign([4.0, 5.0, 6.0])
    rows = RNG.normal(size=(num + 4, 3)).astype("float32")
    with data_in_first(num):
        found = numpy_of(layer(keras.ops.convert_to_tensor(rows), training=True))
    mean, variance = rows[:num].mean(axis=0), rows[:num].var(axis=0)
    expected = (rows - mean) / np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(found[:num], expected[:num], rtol=1e-3, atol=1e-4)
    if num < FEWEST_ROWS:
        expected = (rows - [1.0, 2.0, 3.0]) / np.sqrt(np.array([4.0, 5.0, 6.0]) + 1e-5)
    np.testing.assert_allclose(found[num:], expected[num:], rtol=1e-3, atol=1e-4)
    kept = numpy_of(layer.moving_mean)
    np.testing.assert_allclose(kept, 0.99 * np.array([1.0, 2.0, 3.0]) + 0.01 * mean, rtol=1e-4)


@pytest.mark.compiles(1)
@pytest.mark.parametrize("last", [1, 2, 3])
def test_a_small_last_batch_does_not_make_the_loss_explode(last):
    network = {"name": "mlp", "hidden_units": (32, 32), "batch_norm": True}
    model = small_model(network=network, prior=VAMP, latent_dims=8)
    compiled(model, keras.optimizers.Adam(1e-3))
    x = binary_data(64)
    model.fit(x, epochs=2, batch_size=32, verbose=0)
    usual = model.history.history["loss"][-1]
    model.fit(x[:last], batch_size=32, verbose=0)
    assert model.history.history["loss"][-1] < 10.0 * usual


def foreign():
    return keras.Sequential([keras.layers.Dense(4), keras.layers.BatchNormalization()])


def test_a_batch_normalisation_of_the_users_own_counts_the_data_alone():
    block = foreign()
    model = small_model(network=KerasLayers(block, keras.layers.Dense(4)), prior=VAMP)
    compiled(model, keras.optimizers.SGD(0.0))
    x = binary_data(32)
    model.build((None, x.shape[1]))
    model.prior.inputs.assign(np.full(model.prior.inputs.shape, 0.5))
    model.prior.inputs.assign(1000.0 * numpy_of(model.prior.inputs))
    hidden = numpy_of(block.layers[0](keras.ops.convert_to_tensor(x)))
    model.fit(x, batch_size=32, verbose=0)
    kept = numpy_of(block.layers[1].moving_mean)
    np.testing.assert_allclose(kept, 0.01 * hidden.mean(axis=0), rtol=1e-3, atol=1e-6)


def test_layers_that_count_rows_are_told_from_others():
    counting = foreign()
    counting.build((None, 3))
    assert counts_all_rows(counting)
    plain = keras.Sequential([keras.layers.Dense(4), keras.layers.Dropout(0.5, seed=0)])
    plain.build((None, 3))
    assert not counts_all_rows(plain)
    own = keras.Sequential([BatchNormalization()])
    own.build((None, 3))
    assert not counts_all_rows(own)


def test_threads_do_not_disturb_each_other():
    layer = BatchNormalization(momentum=0.0)
    layer.build((None, 2))
    rows = RNG.normal(size=(40, 2)).astype("float32")
    inside, done = threading.Event(), threading.Event()

    def other():
        with data_in_first(3):
            inside.set()
            done.wait(20)

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(20)
    try:
        layer(keras.ops.convert_to_tensor(rows), training=True)
    finally:
        done.set()
        thread.join()
    np.testing.assert_allclose(numpy_of(layer.moving_mean), rows.mean(axis=0), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(40, 3), (6, 4, 5, 3), (1, 3)])
def test_a_batch_is_normalised_by_its_own_mean_and_variance(shape):
    generator = np.random.default_rng(0)
    x = generator.normal(2.0, 3.0, size=shape).astype("float32")
    scale, offset = (generator.normal(size=3).astype("float32") for _ in range(2))
    layer = BatchNormalization()
    layer.build((None, *shape[1:]))
    layer.gamma.assign(scale)
    layer.beta.assign(offset)
    found = keras.ops.convert_to_numpy(layer(x, training=True))
    axes = tuple(range(len(shape) - 1))
    mean, variance = x.mean(axes, dtype="float64"), x.var(axes, dtype="float64")
    expected = (x - mean) / np.sqrt(variance + layer.epsilon) * scale + offset
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    averages = [keras.ops.convert_to_numpy(v) for v in (layer.moving_mean, layer.moving_variance)]
    kept = layer.momentum
    np.testing.assert_allclose(averages[0], (1 - kept) * mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(averages[1], kept + (1 - kept) * variance, rtol=1e-4)
