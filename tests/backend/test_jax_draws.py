"""Starts of weights are drawn in few sizes on JAX, and are those that Keras would draw."""

import threading

import keras
import numpy as np
import pytest

from tests.backend.compilations import counted_compilations
from tests.support.models import numpy_of

pytestmark = pytest.mark.backends("jax")  # only JAX compiles each draw of weights

INITIALIZERS = ("he_normal", "glorot_uniform", "random_normal", "orthogonal")
SHAPES = ((), (3,), (4, 5, 2), (70, 90), (64, 64))


def _few():
    from hiervae.backend.jax_draws import in_few_sizes

    return in_few_sizes()


def _start(name, shape):
    kind = type(keras.initializers.get(name))
    return numpy_of(kind(seed=7)(shape))


@pytest.mark.parametrize("name", INITIALIZERS)
def test_starts_are_those_without_the_context(name):
    for shape in (shape for shape in SHAPES if name != "orthogonal" or len(shape) > 1):
        expected = _start(name, shape)
        with _few():
            start = _start(name, shape)
        np.testing.assert_array_equal(start, expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_other_types(dtype):
    draw = keras.initializers.RandomUniform(-2.0, 0.5, seed=3)
    expected = draw((40, 6), dtype=dtype)
    with _few():
        start = draw((40, 6), dtype=dtype)
    assert start.dtype == expected.dtype
    np.testing.assert_array_equal(np.asarray(start), np.asarray(expected))


def test_models_of_other_widths_compile_no_draws_of_their_own():
    from hiervae import HierarchicalVAE

    def build(width):
        network = {"name": "mlp", "hidden_units": (width,)}
        HierarchicalVAE((3,), network=network, seed=0).build((None, 11))

    with counted_compilations() as programs:
        build(16)
    assert programs, "nothing was counted"
    names = ("_uniform", "_truncated_normal", "_normal")
    with counted_compilations() as programs:
        for width in (17, 18, 19):
            build(width)
    assert not [name for name in programs if any(draw in name for draw in names)]


def test_a_weight_above_all_sizes_and_a_key_without_a_value_are_drawn_as_they_are(monkeypatch):
    import jax

    from hiervae.backend import jax_draws

    monkeypatch.setattr(jax_draws, "SIZES", (8,))
    key = jax.random.PRNGKey(1)
    expected = np.asarray(jax.random.normal(key, shape=(3, 3)))
    with _few():
        np.testing.assert_array_equal(jax.random.normal(key, shape=(3, 3)), expected)
        drawn = jax.jit(lambda key: jax.random.normal(key, shape=(2, 3)))(key)
        other = jax.random.uniform(key, shape=(2, 2), minval=np.array([0.0, 5.0]), maxval=9.0)
        alone = jax.random.normal(key)
        given = jax.random.truncated_normal(key, -1.0, 1.0, (2, 2))
    np.testing.assert_array_equal(drawn, jax.random.normal(key, shape=(2, 3)))
    expected = jax.random.uniform(key, shape=(2, 2), minval=np.array([0.0, 5.0]), maxval=9.0)
    np.testing.assert_array_equal(other, expected)
    np.testing.assert_array_equal(alone, jax.random.normal(key))
    np.testing.assert_array_equal(given, jax.random.truncated_normal(key, -1.0, 1.0, (2, 2)))


def test_the_functions_of_jax_are_put_back_after_threads_and_errors():
    import jax

    found = jax.random.normal

    def build():
        with _few(), _few():
            raise RuntimeError("stop")

    def caught():
        with pytest.raises(RuntimeError, match="stop"):
            build()

    threads = [threading.Thread(target=caught) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert jax.random.normal is found
