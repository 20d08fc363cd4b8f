"""Steps that are fused on JAX do what Keras' own loop does, one by one."""

import keras
import numpy as np
import pytest

from hiervae.networks import KerasLayers
from tests.support.models import binary_data, compiled, rewo, small_model, vhp

pytestmark = pytest.mark.backends("jax")
X = binary_data(23)
OTHER = binary_data(9, seed=5)
WEIGHTS = np.linspace(0.0, 2.0, len(X)).astype("float32")


def train(x=X, steps=3, callbacks=(), **options):
    """Logs and all variables after two epochs in random order, in batches of 4 and one of 3."""
    keras.utils.set_random_seed(3)
    model = compiled(small_model(), keras.optimizers.Adam(1e-2), **compiling(steps))
    settings = {"batch_size": 4, "epochs": 2, "verbose": 0, **options}
    history = model.fit(x, callbacks=[rewo(kappa=3.0), *callbacks], **settings).history
    return history, [keras.ops.convert_to_numpy(v) for v in model.variables]


def compiling(steps):
    """Uncompiled, which is Keras' own loop, for no steps."""
    return {"steps_per_execution": steps} if steps else {"run_eagerly": True}


def assert_same(found, expected):
    assert found[0].keys() == expected[0].keys()
    for name, values in expected[0].items():
        assert found[0][name] == pytest.approx(values, rel=1e-5, abs=1e-5), name
    for value, wanted in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-5)


DATA = {
    "plain": {},
    "weighted": {"sample_weight": WEIGHTS},
    "validated": {"validation_data": (OTHER,), "validation_batch_size": 5},
    "weighted validation": {"validation_data": (OTHER, None, np.arange(9.0))},
    "split": {"validation_split": 0.3, "sample_weight": WEIGHTS},
    "batch": {"shuffle": "batch"},
    "limited": {"steps_per_epoch": 3, "validation_data": (OTHER,), "validation_steps": 3},
}


@pytest.mark.parametrize("options", DATA.values(), ids=DATA)
def test_the_same_numbers_in_the_same_order(options):
    assert_same(train(**options), train(steps=0, **options))


def test_examples_that_do_not_fit_are_sent_batch_by_batch(monkeypatch):
    expected = train(sample_weight=WEIGHTS, validation_data=(OTHER,))
    monkeypatch.setattr("hiervae.backend.jax_loop.RESIDENT_BYTES", X.nbytes - 1)
    assert_same(train(sample_weight=WEIGHTS, validation_data=(OTHER,)), expected)
    monkeypatch.setattr("hiervae.backend.jax_loop.JOINED_BYTES", 2 * X[:4].nbytes)
    assert_same(train(sample_weight=WEIGHTS, validation_data=(OTHER,)), expected)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        rows = slice(4 * index, 4 * index + 4)
        return X[rows], None, WEIGHTS[rows]


def test_batches_of_a_source():
    found = train(Batches(), batch_size=None, shuffle=False)
    assert_same(found, train(sample_weight=WEIGHTS, shuffle=False))


class Meddler(keras.callbacks.Callback):
    """Evaluates other data and takes a step by itself in the middle of a `fit`."""

    def __init__(self):
        super().__init__()
        self.losses, self.batches = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append((batch, sorted(logs)))

    def on_epoch_end(self, epoch, logs=None):
        found = self.model.evaluate(OTHER, batch_size=4, verbose=0, return_dict=True)
        self.losses.append(found["loss"])
        self.model.train_on_batch(OTHER)
        self.model.test_on_batch(OTHER)


@pytest.mark.parametrize("options", [{}, {"validation_data": (X[:5],)}], ids=["plain", "validated"])
def test_a_callback_may_use_other_data(options):
    meddlers = Meddler(), Meddler()
    found = train(callbacks=meddlers[:1], **options)
    assert_same(found, train(steps=0, callbacks=meddlers[1:], **options))
    assert meddlers[0].losses == pytest.approx(meddlers[1].losses, rel=1e-5)
    assert meddlers[0].batches[0][0] == 2, "the last step of the call"
    assert len(meddlers[0].batches) == 4
    assert meddlers[0].batches[0][1] == meddlers[1].batches[0][1]


PARTS = {
    "samples of a vhp": {"num_samples": 3, "prior": vhp()},
    "importance weights": {"num_samples": 2, "monte_carlo_samples": 2}
    | {"bound": "importance_weighted"},
    "levels and components": {
        "latent_dims": (3, 2),
        "prior": {"name": "vamp", "num_components": 3},
    },
}


class Seen(keras.callbacks.Callback):
    """Notes how it is called in an evaluation."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def on_test_batch_begin(self, batch, logs=None):
        self.calls.append(batch)

    def on_test_batch_end(self, batch, logs=None):
        self.calls.append((batch, sorted(logs)))


SLOW = {"samples of a vhp", "importance weights"}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(options, id=name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name, options in PARTS.items()
    ],
)
def test_evaluation_is_that_of_batches_as_they_are(options):
    """Rows that fill up a batch take no part, nor do they change the noise of the others."""
    found, calls = [], []
    for steps in (0, 1, 2):
        model = compiled(small_model(**options), **compiling(steps))
        model.evaluate(X[:8], batch_size=8, verbose=0)
        seen = Seen()
        settings = {"verbose": 0, "return_dict": True, "callbacks": [seen]}
        weighted = {"sample_weight": WEIGHTS, **settings}
        found.append(
            [
                model.evaluate(X, batch_size=8, **settings),
                model.evaluate(X, batch_size=8, **weighted),
                model.evaluate(X[:5], batch_size=8, **settings),
                model.evaluate(OTHER, **settings),
                model.evaluate((X[i : i + 9] for i in (0, 9, 18)), steps=3, **settings),
            ]
        )
        calls.append(seen.calls)
    assert calls[0] == calls[1]
    assert [call for call in calls[2] if isinstance(call, int)] == [0, 2, 0, 2, 0, 0, 0, 2]
    for other in found[1:]:
        for logs, expected in zip(other, found[0], strict=True):
            assert logs == pytest.approx(expected, rel=1e-5, abs=1e-5)


@keras.saving.register_keras_serializable(package="hiervae_tests")
class Square(keras.layers.Layer):
    """Passes its input on and adds the square of its sum to the loss."""

    def call(self, inputs):
        self.add_loss(keras.ops.square(keras.ops.sum(inputs)))
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape


def test_losses_that_depend_on_all_rows_are_of_those_that_are_there():
    found = []
    for steps in (0, 1):
        keras.utils.set_random_seed(1)
        network = KerasLayers(
            keras.Sequential([keras.layers.Dense(4), Square()]), keras.layers.Dense(4)
        )
        model = compiled(small_model(network=network), **compiling(steps))
        found.append([model.evaluate(X[:n], batch_size=8, verbose=0)[0] for n in (8, 5, 23, 19)])
    assert found[0][0] != pytest.approx(found[0][1], rel=1e-2)
    assert found[1] == pytest.approx(found[0], rel=1e-5)


def test_small_integers_stay_small_on_the_device():
    model = compiled(small_model())
    assert model.placed(X.astype("uint8"), None).inputs.dtype == "uint8"
    assert_same(train(X.astype("uint8")), train())


def test_uncompiled_models_are_given_their_batches():
    model = compiled(small_model(), run_eagerly=True)
    assert model.placed(X, None) is None


def test_validation_stays_on_accelerators_in_few_sizes(monkeypatch):
    model = compiled(small_model())
    assert model.placed(X, WEIGHTS, training=False) is None
    monkeypatch.setattr("hiervae.backend.jax.has_accelerator", lambda: True)
    placed = model.placed(X, WEIGHTS, training=False)
    assert placed.inputs.shape == (24, X.shape[1])
    assert placed.weights.shape == (24,)
    expected = train(steps=0, **DATA["weighted validation"])
    assert_same(train(**DATA["weighted validation"]), expected)


IMAGES = binary_data(23, size=36).reshape(-1, 6, 6)


def trained_on_images(steps):
    keras.utils.set_random_seed(3)
    layers = {"encoder_layers": [[3, 3, 1]], "decoder_layers": [[3, 3, 1]], "hidden_units": [5]}
    network = {"name": "conv", **layers}
    model = compiled(small_model(network=network), keras.optimizers.Adam(1e-2), **compiling(steps))
    history = model.fit(IMAGES, batch_size=4, epochs=2, verbose=0).history
    return history, [keras.ops.convert_to_numpy(v) for v in model.variables]


def test_a_convolutional_model_takes_the_same_steps():
    assert_same(trained_on_images(3), trained_on_images(0))


def dense_step(weights, x):
    import jax

    return weights - jax.grad(lambda kernel: (x[:, 0, :3] @ kernel[0]).sum())(weights)


def convolution_step(weights, x):
    import jax

    def loss(kernel):
        return jax.lax.conv(x[:, None], kernel[None, None], (1, 1), "SAME").sum()

    return weights - jax.grad(lambda kernel: loss(kernel[0]))(weights)


@pytest.mark.parametrize(("step", "loops"), [(dense_step, True), (convolution_step, False)])
def test_gradients_of_convolutions_stay_out_of_loops(step, loops):
    """Within a loop they take a CPU up to a hundred times as long."""
    import jax.numpy as jnp

    from hiervae.backend.jax_loop import FusedSteps
    from hiervae.backend.step import Examples

    def on_state(state, data, numbers):
        return {}, (step(state[0], data[0]), state[1])

    fused = FusedSteps(
        on_state, lambda metrics: {}, 3, lambda: None, lambda: jnp.zeros(1), differentiates=True
    )
    _, (weights, _) = fused((jnp.ones((1, 3, 3)), []), iter([(IMAGES[:4],)] * 5))
    expected = jnp.ones((1, 3, 3))
    for _ in range(3):
        expected = step(expected, IMAGES[:4])
    np.testing.assert_allclose(weights, expected, rtol=1e-5)
    work = Examples(IMAGES[:4], None), np.zeros((1, 4), dtype="int32"), 1, None
    program = fused.program.lower(None, (weights, []), *work, jnp.zeros(1)).as_text()
    assert ("stablehlo.while" in program) == loops
