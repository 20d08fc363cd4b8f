"""Adam with normalised gradients against a transcription in NumPy."""

import zipfile

import keras
import numpy as np
import pytest

import hiervae
from hiervae.optimizers import NormalizedAdam
from hiervae.utils.pairs import mark_pairs, pair_axis
from tests.support.models import binary_data, compiled, rewo, small_model, vhp
from tests.support.noise import same_noise_everywhere

STARTS = (np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([0.1, -0.2, 0.3]))
RATE = 0.1
X = binary_data(16)


def gradients_of(step):
    """Gradients of very different sizes; that of the second weight is zero at first."""
    rng = np.random.default_rng(step)
    sizes = (10.0 ** (6 * step - 12), 0.0 if step == 0 else 1e-25)
    return [size * rng.normal(size=start.shape) for size, start in zip(sizes, STARTS)]


def unit(gradient):
    gradient = gradient.astype("float64")
    norm = np.linalg.norm(gradient)
    return gradient / norm if norm > 0 else gradient


def transcription(gradients, weight_decay=0.0, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Adam (Kingma & Ba 2015, before section 2.1) on unit gradients, with decoupled decay."""
    weights = [start.copy() for start in STARTS]
    first = [np.zeros_like(start) for start in STARTS]
    second = [np.zeros_like(start) for start in STARTS]
    for time, step in enumerate(gradients, start=1):
        rate = RATE * np.sqrt(1 - beta_2**time) / (1 - beta_1**time)
        for i, gradient in enumerate(step):
            g = unit(gradient)
            weights[i] *= 1 - weight_decay * RATE
            first[i] = beta_1 * first[i] + (1 - beta_1) * g
            second[i] = beta_2 * second[i] + (1 - beta_2) * g**2
            weights[i] -= rate * first[i] / (np.sqrt(second[i]) + epsilon)
    return weights


def steps_of(optimizer, gradients, scale=1.0):
    variables = [keras.Variable(start, dtype="float32") for start in STARTS]
    optimizer.build(variables)
    for step in gradients:
        tensors = [keras.ops.convert_to_tensor(scale * g, dtype="float32") for g in step]
        if keras.backend.backend() == "jax":  # where loss scaling has no other way
            values = [[v.value for v in each] for each in (optimizer.variables, variables)]
            moved, stepped = optimizer.stateless_apply(values[0], tensors, values[1])
            for variable, value in zip([*variables, *optimizer.variables], [*moved, *stepped]):
                variable.assign(value)
        else:
            optimizer.apply(tensors, variables)
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def assert_close(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)


GRADIENTS = [gradients_of(step) for step in range(4)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight_decay": 0.3},
        {"clipnorm": 1e-3},
        {"global_clipnorm": 1e-3},
        {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    ],
)
def test_steps(options):
    kept = {name: value for name, value in options.items() if "clip" not in name}
    # Clipping by a norm scales a gradient, whose size is of no account.
    found = steps_of(NormalizedAdam(RATE, **options), GRADIENTS)
    assert_close(found, transcription(GRADIENTS, **kept))


def test_values_are_clipped_before_the_division():
    gradients = [[np.array([[3.0, -0.5], [0.1, 0.2]]), np.array([5.0, 6.0, -7.0])]] * 3
    clipped = [[np.clip(g, -1.0, 1.0) for g in step] for step in gradients]
    assert_close(steps_of(NormalizedAdam(RATE, clipvalue=1.0), gradients), transcription(clipped))


def test_the_average_of_accumulated_gradients_is_normalised():
    rng = np.random.default_rng(7)
    gradients = [[rng.normal(size=start.shape) for start in STARTS] for _ in range(6)]
    gradients[1][0] *= 100.0
    averages = [[(one + other) / 2 for one, other in zip(*gradients[i : i + 2])] for i in (0, 2, 4)]
    optimizer = NormalizedAdam(RATE, gradient_accumulation_steps=2)
    assert_close(steps_of(optimizer, gradients), transcription(averages))


def test_scaled_losses():
    optimizer = NormalizedAdam(RATE, loss_scale_factor=1024.0)
    assert_close(steps_of(optimizer, GRADIENTS, 1024.0), transcription(GRADIENTS))
    optimizer = keras.optimizers.LossScaleOptimizer(NormalizedAdam(RATE), initial_scale=2.0**10)
    assert_close(steps_of(optimizer, GRADIENTS, 2.0**10), transcription(GRADIENTS))


def test_a_weight_without_a_gradient_stays():
    found = steps_of(NormalizedAdam(RATE), [[np.zeros_like(start) for start in STARTS]] * 2)
    for one, start in zip(found, STARTS):
        np.testing.assert_array_equal(one, start.astype("float32"))


def test_a_gradient_that_is_not_finite_shows():
    gradients = [[np.array([[np.inf, 1.0], [1.0, 1.0]]), STARTS[1]]]
    weights = steps_of(NormalizedAdam(RATE), gradients)
    assert not np.isfinite(weights[0]).all()
    assert np.isfinite(weights[1]).all()


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_the_size_of_gradients_is_of_no_account_in_a_fit(policy):
    ends = []
    for factor in (1.0, 1000.0):
        with same_noise_everywhere():
            model = compiled(small_model(dtype=policy), Scaled(RATE, factor))
            model.fit(X, batch_size=8, shuffle=False, verbose=0)
        ends.append(model.get_weights())
    for one, other in zip(*ends, strict=True):
        if one.dtype.kind == "f":
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


class Scaled(NormalizedAdam):
    """Receives gradients that are `factor` times as large."""

    def __init__(self, learning_rate, factor, **options):
        super().__init__(learning_rate, **options)
        self.factor = factor

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient * self.factor, variable, learning_rate)


def test_rewo_holds_the_prior_and_its_moments():
    model = compiled(small_model(prior=vhp()), NormalizedAdam(1e-2, weight_decay=0.1))
    model.build((None, X.shape[1]))
    before = [np.array(w) for w in model.prior.get_weights()]
    encoder = [np.array(w) for w in model.inference.get_weights()]
    logs = model.fit(X, batch_size=8, verbose=0, callbacks=[rewo()]).history
    assert logs["phase"] == [0.0]
    for one, other in zip(before, model.prior.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((a != b).any() for a, b in zip(encoder, model.inference.get_weights()))
    of_prior = {w.path.replace("/", "_") for w in model.prior.trainable_variables}
    held = [v for v in model.optimizer.variables if v.name.rsplit("_", 1)[0] in of_prior]
    assert len(held) == 2 * len(of_prior)
    for variable in held:
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), 0.0)


def test_saved_with_the_model(tmp_path):
    path = tmp_path / "model.keras"
    model = compiled(small_model(), hiervae.optimizers.NormalizedAdam(0.02, weight_decay=0.01))
    model.fit(X, batch_size=8, verbose=0)
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json").decode()
    assert "hiervae>NormalizedAdam" in config
    assert "backend" not in config.split("compile_config")[1]
    loaded = keras.models.load_model(path)
    assert type(loaded.optimizer) is NormalizedAdam
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    for one, other in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other), rtol=1e-6
        )
    for each in (model, loaded):
        each.fit(X, batch_size=8, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_made_by_its_registered_name():
    spec = {"class_name": "hiervae>NormalizedAdam", "config": {"learning_rate": 5e-4}}
    optimizer = keras.optimizers.deserialize(spec)
    assert type(optimizer) is NormalizedAdam
    assert float(optimizer.learning_rate) == pytest.approx(5e-4)


@pytest.mark.parametrize("axis", [-1, -2])
def test_two_maps_in_one_weight_have_norms_of_their_own(axis):
    """As the same optimiser takes them apart."""
    rng = np.random.default_rng(0)
    starts = rng.normal(size=(2, 3, 4))
    joint = keras.Variable(np.concatenate(starts, axis=axis), dtype="float32")
    mark_pairs([joint], axis)
    apart = [keras.Variable(start, dtype="float32") for start in starts]
    bias = keras.Variable(np.zeros(4), dtype="float32")
    mark_pairs([bias], axis)
    optimizers = NormalizedAdam(RATE), NormalizedAdam(RATE)
    optimizers[0].build([joint, bias])
    optimizers[1].build(apart)
    for scale in (1.0, 1e-6, 1e3):
        gradients = [
            np.float32(each) for each in (scale * rng.normal(size=(3, 4)), rng.normal(size=(3, 4)))
        ]
        together = np.concatenate(gradients, axis=axis)
        slopes = np.float32([3.0, 4.0, 5e-3, 12e-3])
        optimizers[0].apply([keras.ops.convert_to_tensor(each) for each in (together, slopes)])
        optimizers[1].apply([keras.ops.convert_to_tensor(each) for each in gradients])
    expected = np.concatenate([keras.ops.convert_to_numpy(each) for each in apart], axis=axis)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(joint), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.compiles(1)
@pytest.mark.parametrize("name", ["gated_mlp", "gated_conv"])
def test_every_map_of_a_model_moves_by_the_same_length(name):
    """Beside a large epsilon, Adam's first step is along the unit gradient, of a known length."""
    network = {"name": name, "hidden_units": (4,)}
    x = binary_data(8, 36)
    if name == "gated_conv":
        x = x.reshape(8, 6, 6)
        network |= {"encoder_layers": [[3, 3, 2]], "decoder_layers": [[2, 3, 2]]}
    model = small_model(network=network, latent_dims=(3, 2), inference="ladder")
    model.build((None, *x.shape[1:]))
    for weight in model.trainable_variables:
        weight.assign(np.random.default_rng(0).normal(0.0, 0.3, weight.shape))
    compiled(model, NormalizedAdam(RATE, epsilon=10.0))
    before = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_variables]
    model.fit(x, batch_size=8, epochs=1, verbose=0)
    pairs, length = 0, RATE * np.sqrt(1.0 - 0.999) / 10.0
    for weight, start in zip(model.trainable_variables, before, strict=True):
        change = (keras.ops.convert_to_numpy(weight) - start.astype("float64")) / length
        axis = pair_axis(weight)
        maps = [change] if axis is None else np.split(change, 2, axis=axis)
        pairs += axis is not None
        for each in maps:
            assert np.linalg.norm(each) == pytest.approx(1.0, rel=0.05), weight.path
    assert pairs >= 2 * 7
