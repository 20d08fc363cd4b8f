"""REWO's initial phase holds the prior and its optimiser state exactly where they are."""

import collections

import keras
import numpy as np
import pytest

from hiervae.callbacks import BetaController
from hiervae.networks import KerasLayers
from hiervae.schedulers.rewo import REWO
from tests.support.models import binary_data, compiled, rewo, small_model, vhp, weights_of
from tests.support.noise import same_noise_everywhere

# (optimiser, dtype policy of the model)
CASES = {
    "adam": (lambda: keras.optimizers.Adam(1e-2), "float32"),
    "adamw": (lambda: keras.optimizers.AdamW(1e-2, weight_decay=0.1), "mixed_bfloat16"),
    "momentum": (lambda: keras.optimizers.SGD(1e-2, momentum=0.9, nesterov=True), "float32"),
    "accumulation": (
        lambda: keras.optimizers.AdamW(1e-2, weight_decay=0.1, gradient_accumulation_steps=2),
        "float32",
    ),
    "loss scaling": (
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-2)),
        "mixed_float16",
    ),
}
X = binary_data(24)
EASY = np.ones_like(X)  # whose error is small once the decoder's bias is large
RULE = {"kappa": 0.7, "alpha": 0.0}  # an error of 0.49 nats a dimension, batch by batch


@pytest.fixture(autouse=True)
def _quick_noise():
    with same_noise_everywhere():
        yield


def model_of(optimizer, **options):
    model = compiled(small_model(prior=vhp(), **options), optimizer)
    model.build((None, X.shape[1]))
    return model


def fit(model, x=X, **options):
    """Three steps."""
    model.fit(x, batch_size=8, verbose=0, callbacks=[rewo(**{**RULE, **options})])


def fill_slots(model):
    """Give every optimiser variable a value that an update would change."""
    model.optimizer.build(model.trainable_variables)
    rng = np.random.default_rng(0)
    for variable in model.optimizer.variables:
        if len(variable.shape):
            variable.assign(rng.uniform(0.01, 0.1, size=variable.shape))


def slots_of(model):
    """Copies of all optimiser variables by name."""
    return {v.name: keras.ops.convert_to_numpy(v).copy() for v in model.optimizer.variables}


def changed(before, after):
    assert before.keys() == after.keys()
    return {name for name in before if not np.array_equal(before[name], after[name])}


def owned(names, path):
    """Those of the optimiser variables that belong to weights below `path`."""
    return {name for name in names if f"{path}/".replace("/", "_") in name}


@pytest.mark.compiles(2)
@pytest.mark.parametrize("case", CASES)
def test_prior_and_its_optimiser_state_stay_bit_for_bit(case):
    optimizer, policy = CASES[case]
    model = model_of(optimizer(), dtype=policy)
    fill_slots(model)
    paths = {weight.path for weight in model.trainable_variables}
    prior = {weight.path for weight in model.prior.trainable_variables}
    name = model.prior.name
    assert len(prior) == 8

    start = weights_of(model), slots_of(model)
    fit(model)
    held = weights_of(model), slots_of(model)
    assert model.control_values()["phase"] == 0.0
    assert changed(start[0], held[0]) == paths - prior, "encoder and decoder move, only they"
    slots = changed(start[1], held[1])
    assert not owned(slots, name)
    for part in (model.inference, model.likelihood):
        assert owned(slots, part.name) == owned(held[1], part.name) != set()

    model.likelihood.logits.bias.assign(np.full(X.shape[1], 6.0))
    start = weights_of(model), slots_of(model)
    fit(model, EASY)
    end = weights_of(model), slots_of(model)
    assert model.control_values()["phase"] == 1.0
    assert changed(start[0], end[0]) == paths, "the main phase moves all"
    assert owned(changed(start[1], end[1]), name) == owned(end[1], name) != set()


def test_prior_moves_in_the_very_step_that_ends_the_initial_phase():
    model = model_of(keras.optimizers.SGD(0.1))
    before = weights_of(model)
    model.fit(X, batch_size=24, verbose=0, callbacks=[rewo(kappa=2.0)])
    assert changed(before, weights_of(model)) == before.keys()


def test_without_a_gate_the_prior_moves():
    model = model_of(keras.optimizers.SGD(0.1))
    before = weights_of(model)
    model.fit(X, verbose=0, callbacks=[BetaController("geco", kappa=1e-3)])
    assert changed(before, weights_of(model)) == before.keys()


def test_encoder_still_feels_the_prior_in_the_initial_phase():
    """Its step depends on the prior's weights, by the gradient through z, to beta's degree."""
    rule = REWO(kappa=1e-3)
    model = model_of(keras.optimizers.SGD(1.0))
    start = model.get_weights()

    def encoder_after(shift, beta):
        model.set_weights(start)
        bias = model.prior.generative_head.dense.bias
        bias.assign(bias + shift)
        model.control.install(rule)
        model.control.write({**rule.initial_state(), "beta": beta})
        model.fit(X, batch_size=24, shuffle=False, verbose=0, callbacks=[BetaController(rule)])
        assert model.control_values()["beta"] == pytest.approx(beta)
        return model.inference.posterior_heads[0].get_weights()

    def effect(beta):
        plain, shifted = encoder_after(0.0, beta), encoder_after(0.5, beta)
        return np.array([np.abs(a - b).max() for a, b in zip(plain, shifted, strict=True)])

    strong, weak = effect(0.5), effect(0.05)
    assert np.all(strong > 1e-3)
    np.testing.assert_allclose(strong, 10.0 * weak, rtol=1e-2)


def test_awkward_names_of_layers_and_weights():
    """Layers of one name in prior and encoder; names that begin one another; equal shapes.

    Every slot of an encoder weight must move, none of a prior weight. Shapes tell them apart,
    because the names, being equal, cannot.
    """

    def block(inputs, *units):
        layers = [keras.Input((inputs,))]
        layers += [
            keras.layers.Dense(size, "tanh", name=f"dense{'_1' * index}")
            for index, size in enumerate(units)
        ]
        return keras.Sequential(layers, name="dense")

    model = compiled(
        small_model(
            prior={
                "name": "vhp",
                "latent_dim": 3,
                "num_importance_samples": 1,
                "network": KerasLayers(block(2, 8, 9), [block(3, 10), block(3, 11, 12)]),
            },
            network=KerasLayers(block(6, 13, 14), block(2, 15, 16)),
        ),
        keras.optimizers.AdamW(1e-2, weight_decay=0.1),
    )
    model.build((None, X.shape[1]))
    fill_slots(model)
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.optimizer.variables]
    prior_before = [w.copy() for w in model.prior.get_weights()]
    fit(model)
    for old, new in zip(prior_before, model.prior.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    moved, stayed = collections.Counter(), collections.Counter()
    for old, variable in zip(before, model.optimizer.variables, strict=True):
        new = keras.ops.convert_to_numpy(variable)
        (stayed if np.array_equal(old, new) else moved)[tuple(variable.shape)] += 1
    prior = collections.Counter(tuple(w.shape) for w in model.prior.trainable_variables)
    rest = collections.Counter(tuple(w.shape) for w in model.trainable_variables) - prior
    for shape, count in rest.items():
        assert moved[shape] == 2 * count, f"slots of shape {shape}"
    for shape, count in prior.items():
        assert stayed[shape] == 2 * count, f"slots of shape {shape}"


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (lambda: keras.optimizers.Adafactor(1e-2), "Adafactor keeps a variable.*no weight.*Adam"),
        (lambda: keras.optimizers.Adam(1e-2, use_ema=True), "use_ema=True beside REWO.*expected"),
    ],
)
def test_optimisers_whose_state_cannot_be_held_are_refused(optimizer, message):
    model = model_of(optimizer())
    weights = weights_of(model)
    with pytest.raises(ValueError, match=message):
        fit(model)
    assert not changed(weights, weights_of(model)), "the model is as it was"
