"""The losses by hand are those of the package, for equal weights and noise."""

import importlib
import math
from functools import partial

import keras
import numpy as np
import pytest

from benchmarks import models, scoring, training
from benchmarks.handwritten.training_weights import REWO
from hiervae import random
from hiervae.callbacks import BetaController
from hiervae.optimizers import NormalizedAdam

pytestmark = pytest.mark.backends("jax", "torch")
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("conv", "pixelcnn")]
ROWS = ("standard", "vamp", "hvae_vamp", "vhp", "ladder", *SLOW)
COUNT = 6
BETA = 0.9


def noise(shape):
    return np.random.default_rng(list(shape)).normal(size=shape).astype("float32")


def loss_by_hand(name):
    backend = keras.backend.backend()
    modules = [
        importlib.import_module(f"benchmarks.handwritten.{part}_{backend}")
        for part in ("train", "hierarchies", "convolutions")
    ]
    return next(loss for m in modules if (loss := getattr(m, f"{name}_loss", None)))


def rules(name):
    """The row's rule for beta from near 1 on, so that an error in the KL shows in the loss."""
    if name == "vhp":
        return [BetaController("rewo", **{**REWO, "beta": BETA})]
    return [BetaController("constant", beta=BETA)] if models.callbacks(name) else []


def by_hand(name, model, x, monkeypatch):
    """The loss and what else it carries, after one batch."""
    weights, extra = training.carried_of(name, model)
    if "beta" in extra:
        extra["beta"] = np.float32(BETA)
    if keras.backend.backend() == "jax":
        jax = importlib.import_module("jax")
        monkeypatch.setattr(jax.random, "normal", lambda key, shape: noise(shape))
        loss, extra = loss_by_hand(name)(weights, extra, x, jax.random.key(0))
        return float(loss), extra
    torch = importlib.import_module("torch")
    from benchmarks.handwritten import train_torch

    monkeypatch.setattr(
        torch, "randn_like", lambda like: torch.from_numpy(noise(tuple(like.shape)))
    )
    monkeypatch.setattr(
        torch, "randn", lambda shape, generator: torch.from_numpy(noise(tuple(shape)))
    )
    loop = train_torch.Loop(loss_by_hand(name), weights, x, COUNT, extra)
    return float(loop.loss_function(loop.weights, loop.extra, loop.x).detach()), loop.extra


@pytest.mark.compiles(3)
@pytest.mark.parametrize("name", ROWS)
def test_the_loss_is_that_of_the_package(name, monkeypatch):
    model = models.build(name, 0, 1, smoke=True)
    generator = np.random.default_rng(1)
    for variable in model.trainable_variables:  # biases and factors that start at 0 and 1, too
        value = keras.ops.convert_to_numpy(variable)
        variable.assign(value + 0.02 * generator.normal(size=value.shape))
    x = models.examples(name, COUNT, 0)
    expected, extra = by_hand(name, model, x, monkeypatch)
    monkeypatch.undo()
    with random.inject_noise(lambda kind, shape: noise(tuple(map(int, shape)))):
        fit = partial(model.fit, x, batch_size=COUNT, shuffle=False, verbose=0)
        logs = fit(callbacks=rules(name)).history
    assert logs["loss"][0] == pytest.approx(expected, rel=3e-6)  # some have a KL of 2e-4 of it
    for key in {"beta", "constraint", "phase"} & set(extra):
        assert logs[key][0] == pytest.approx(float(extra[key]), rel=1e-4)
    if name in ("ladder", "pixelcnn"):
        norm = (
            model.inference.data_block.trunk[-1].normalization
            if name == "ladder"
            else model.likelihood.normalizations[-1]
        )
        mean = keras.ops.convert_to_numpy(norm.moving_mean)
        np.testing.assert_allclose(np.asarray(extra["averages"][-1][0]), mean, rtol=1e-3, atol=1e-5)


@pytest.mark.backends("torch")  # NumPy alone, beside the model
@pytest.mark.parametrize("name", ["vhp", "ladder", "conv", "pixelcnn"])
def test_beta_begins_where_the_preset_begins(name):
    model = models.build(name, 0, 1, smoke=True)
    _, extra = training.carried_of(name, model)
    x = models.examples(name, COUNT, 0)
    logs = model.fit(x, batch_size=COUNT, verbose=0, callbacks=models.callbacks(name)).history
    assert extra["beta"] == pytest.approx(logs["beta"][0], rel=1e-6)


def loop(name, **options):
    backend = keras.backend.backend()
    module = importlib.import_module(f"benchmarks.handwritten.train_{backend}")
    model = models.build(name, 0, 1, smoke=True)
    weights, extra = training.carried_of(name, model)
    if backend == "jax":
        options["steps_per_call"] = 1
    x = models.examples(name, 2 * COUNT, 0)
    return module.Loop(loss_by_hand(name), weights, x, COUNT, extra=extra, **options), weights


def weights_after(loop):
    tree = loop.state[0] if keras.backend.backend() == "jax" else loop.weights
    return keras.tree.map_structure(lambda leaf: np.array(keras.ops.convert_to_numpy(leaf)), tree)


def test_the_prior_is_held_until_the_phase_has_ended():
    for phase in (0.0, 1.0):
        trained, start = loop("vhp", held="prior")
        if keras.backend.backend() == "jax":
            trained.state[4]["phase"] = trained.state[4]["phase"] + phase
        else:
            trained.extra["phase"] = phase
        trained.epoch()
        after = weights_after(trained)
        assert np.isfinite(trained.loss)
        for part in ("model", "prior"):
            pairs = zip(keras.tree.flatten(after[part]), keras.tree.flatten(start[part]))
            same = [np.array_equal(new, old) for new, old in pairs]
            assert not any(same) if part == "model" or phase else all(same)


def test_the_loop_takes_the_steps_of_adam():
    """Of one batch, which does not depend on the order: after two steps of Keras' Adam."""
    trained, start = loop("standard")
    trained.epoch()
    model = models.build("standard", 0, 1, smoke=True)
    rate = np.abs(
        keras.tree.flatten(weights_after(trained))[1] - keras.tree.flatten(start)[1]
    ).max()
    learning_rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    assert 0.5 * learning_rate < rate <= 2.01 * learning_rate


@pytest.mark.parametrize("maps", [1, 2])
def test_the_loop_normalises_gradients_as_the_optimiser_does(maps):
    gradient = np.random.default_rng(0).normal(size=(3, 3, 4, 6)).astype("float32")
    weight = keras.Variable(np.zeros_like(gradient))
    if maps == 2:
        weight.pair_axis = -1
    expected = NormalizedAdam().adam_gradient(keras.ops.convert_to_tensor(gradient), weight)
    backend = keras.backend.backend()
    module = importlib.import_module(f"benchmarks.handwritten.train_{backend}")
    if backend == "jax":
        found = module._unit(maps, gradient)
    else:
        found = keras.ops.convert_to_tensor(gradient.copy())
        module._make_unit(found, maps)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(found), keras.ops.convert_to_numpy(expected), rtol=1e-5
    )


@pytest.mark.compiles(2)
@pytest.mark.parametrize("name", ROWS)
def test_each_loop_takes_steps(name, monkeypatch):
    monkeypatch.setitem(models.BATCH_SIZES, name, 4)
    module = importlib.import_module(f"benchmarks.handwritten.train_{keras.backend.backend()}")
    epoch, losses = module.Loop.epoch, []

    def noted(loop):
        epoch(loop)
        losses.append(loop.loss)

    monkeypatch.setattr(module.Loop, "epoch", noted)
    training.prepare(name, keras.backend.backend(), 2, 0, True).run()
    assert len(losses) == 1
    assert np.isfinite(losses).all()


def perturbed(name):
    """A small model with biases that are not 0, and statistics of more than initial values."""
    model = models.build(name, 0, 1, smoke=True)
    generator = np.random.default_rng(1)
    size = {"standard": 0.05, "vamp": 0.05, "hvae_vamp": 0.05, "vhp": 0.02}.get(name, 0.01)
    for variable in model.trainable_variables:
        value = keras.ops.convert_to_numpy(variable)
        variable.assign(value + size * generator.normal(size=value.shape))
    for variable in model.non_trainable_variables:
        if variable.name in ("moving_mean", "moving_variance"):
            variable.assign(generator.uniform(0.5, 1.5, variable.shape))
    if name == "ladder":  # else the posteriors are narrow, and few weights make up the sum
        for head in model.inference.posterior_heads:
            bias = keras.ops.convert_to_numpy(head.dense.bias)
            head.dense.bias.assign(bias + np.repeat([0.0, 4.0], len(bias) // 2))
    return model


@pytest.mark.compiles(2)
@pytest.mark.parametrize("name", ROWS)
def test_the_log_likelihood_is_that_of_the_package(name):
    """Up to five standard errors of both estimates."""
    model = perturbed(name)
    count, samples = (2, 40) if name in ("conv", "pixelcnn") else (COUNT, 400)
    x = models.examples(name, count, 0)
    scores = model.score(x, samples, verbose=0)
    found = scoring.by_hand(name, model, x, samples, 1, keras.backend.backend())()
    margin = 5.0 * np.sqrt(2.0) * scores.standard_error
    assert (np.abs(found - scores.log_likelihood) < margin + 1e-3).all()
    assert margin.max() < 5.0


@pytest.mark.compiles(2)
@pytest.mark.parametrize("name", [*ROWS[:5], "conv", "pixelcnn"])
def test_the_log_likelihood_is_that_of_the_package_for_equal_noise(name, monkeypatch):
    """Samples of one pass, whose noise depends on the number of rows and their width alone."""
    model, backend = perturbed(name), keras.backend.backend()
    x, samples = models.examples(name, 2, 0), 8
    monkeypatch.setitem(scoring.ROWS, name, 2 * samples)

    def drawn(*shape):
        return noise((math.prod(shape[:-1]), shape[-1])).reshape(shape)

    with random.inject_noise(lambda kind, shape: drawn(*map(int, shape))):
        expected = model.log_likelihood(x, samples, 2, verbose=0, rows_per_pass=2 * samples)
    if backend == "jax":
        jax = importlib.import_module("jax")
        monkeypatch.setattr(jax.random, "normal", lambda key, shape: drawn(*shape))
    else:
        torch = importlib.import_module("torch")
        monkeypatch.setattr(
            torch, "randn", lambda shape, generator: torch.from_numpy(drawn(*shape))
        )
    found = scoring.by_hand(name, model, x, samples, 1, backend)()
    np.testing.assert_allclose(found, expected, rtol=1e-5)
