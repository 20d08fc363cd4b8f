"""A group whose gate opens late is trained as if its optimiser had not run before."""

import keras
import numpy as np
import pytest
from keras import ops

from hiervae.callbacks import BetaController
from hiervae.optimizers import NormalizedAdam
from hiervae.schedulers.base import Scheduler
from tests.support.models import binary_data, compiled, small_model, vhp

X = binary_data(8)
RATE = 1e-3
OPTIMISERS = {
    "adam": (lambda: keras.optimizers.Adam(RATE), "float32"),
    "adamw": (lambda: keras.optimizers.AdamW(RATE, weight_decay=0.0), "float32"),
    "adamax": (lambda: keras.optimizers.Adamax(RATE), "float32"),
    "lamb": (lambda: keras.optimizers.Lamb(RATE), "float32"),
    "normalised": (lambda: NormalizedAdam(RATE), "float32"),
    "clipped": (lambda: keras.optimizers.Adam(RATE, global_clipnorm=1.0), "float32"),
    "accumulation": (
        lambda: keras.optimizers.Adam(RATE, gradient_accumulation_steps=2),
        "float32",
    ),
    "loss scaling": (
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(RATE)),
        "mixed_float16",
    ),
}


class Windows(Scheduler):
    """Opens the prior's gate in some steps, counted from 1."""

    gates = ("prior",)

    def __init__(self, steps):
        self.steps = tuple(steps)

    def initial_state(self):
        return {"beta": 1.0, "gate_prior": 0.0}

    def update(self, state, signals):
        opened = sum(ops.cast(ops.equal(signals.step, step), "float32") for step in self.steps)
        return {"beta": state["beta"], "gate_prior": opened}

    def get_config(self):
        return {"steps": self.steps}


def model_of(optimizer, policy="float32"):
    model = compiled(small_model(prior=vhp(), dtype=policy), optimizer)
    model.build((None, X.shape[1]))
    return model


def values(model):
    return [ops.convert_to_numpy(v).astype("float64") for v in model.prior.trainable_variables]


def train(model, rule, steps, x=X):
    model.fit(x, batch_size=8, epochs=steps, shuffle=False, verbose=0, callbacks=[rule])


@pytest.mark.compiles(2)
@pytest.mark.parametrize("case", OPTIMISERS)
def test_the_first_steps_are_those_of_an_optimiser_that_begins_then(case):
    """Same weights, same noise, same gradients: the same steps as from a new optimiser."""
    make, policy = OPTIMISERS[case]
    late = model_of(make(), policy)
    rule = BetaController(Windows(range(41, 45)))
    train(late, rule, 40)
    before = values(late)
    new = model_of(make(), policy)
    new.set_weights(late.get_weights())
    # The encoder moves on by other moments in the two; without it gradients are the same.
    for model in (late, new):
        for variable in model.trainable_variables:
            if not any(variable is each for each in model.prior.trainable_variables):
                variable.assign(np.zeros(variable.shape))
    for model in (late, new):
        model.seed_generator.state.assign([3, 0])
    steps = 2 if case == "accumulation" else 1
    train(late, rule, steps)
    train(new, BetaController(Windows(range(1, 99))), steps)
    moved = [after - start for after, start in zip(values(late), before, strict=True)]
    expected = [after - start for after, start in zip(values(new), before, strict=True)]
    assert max(np.abs(each).max() for each in expected) > 1e-5
    for found, wanted in zip(moved, expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-2, atol=1e-6)


def test_a_group_that_pauses_goes_on_from_its_own_count():
    """Ten steps, a pause of 50, one step: longer than 1.1 rates if the pause were counted."""
    model = model_of(keras.optimizers.Adam(RATE))
    rule = BetaController(Windows([*range(1, 4), 54]))
    train(model, rule, 3)
    counts = ops.convert_to_numpy(model.control.closed_steps).tolist()
    assert counts == [0, 0, 0]
    train(model, rule, 50)
    counts = ops.convert_to_numpy(model.control.closed_steps).tolist()
    assert sorted(counts) == [0, 0, 50]
    train(model, rule, 1)
    assert ops.convert_to_numpy(model.control.closed_steps).tolist() == counts
    assert int(ops.convert_to_numpy(model.optimizer.iterations)) == 54


def test_a_new_optimiser_starts_the_counts_anew_and_a_file_keeps_them(tmp_path):
    model = model_of(keras.optimizers.Adam(RATE))
    train(model, BetaController(Windows([])), 5)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", custom_objects={"Windows": Windows})
    train(loaded, BetaController(Windows([])), 1)
    assert sorted(ops.convert_to_numpy(loaded.control.closed_steps)) == [0, 0, 6]
    compiled(model, keras.optimizers.Adam(RATE))
    train(model, BetaController(Windows([])), 2)
    assert sorted(ops.convert_to_numpy(model.control.closed_steps)) == [0, 0, 2]


def first_step(model, *callbacks):
    """The largest change of the prior by one step, in learning rates; by Adam 1 if its first."""
    before = values(model)
    model.fit(X, batch_size=8, verbose=0, callbacks=list(callbacks))
    pairs = zip(values(model), before, strict=True)
    return max(np.abs(after - start).max() for after, start in pairs) / RATE


@pytest.mark.parametrize("gated", [True, False])
def test_the_count_outlasts_the_rule(gated):
    """A rule whose gate never opened, then another one or none: 1.6 rates if it were forgotten."""
    model = model_of(keras.optimizers.Adam(RATE))
    train(model, BetaController(Windows([])), 20)
    later = [BetaController(Windows([1]))] if gated else []
    assert first_step(model, *later) == pytest.approx(1.0, abs=0.02)
    counts = ops.convert_to_numpy(model.control.closed_steps).tolist()
    assert sorted(counts) == [0, 0, 20]


def test_restoring_the_best_weights_leaves_the_counts():
    class Worse(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            logs["worse"] = float(epoch)

    model = model_of(keras.optimizers.Adam(RATE))
    best = keras.callbacks.EarlyStopping(
        "worse", mode="min", patience=99, restore_best_weights=True
    )
    rule = BetaController(Windows([]))
    model.fit(X, batch_size=8, epochs=20, verbose=0, callbacks=[rule, Worse(), best])
    assert sorted(ops.convert_to_numpy(model.control.closed_steps).tolist()) == [0, 0, 20]
    assert model.training_step == 20
    assert first_step(model) == pytest.approx(1.0, abs=0.02)
