"""Which weights and optimiser slots a gate holds."""

import keras
import numpy as np
import pytest

from hiervae.model.gates import GATED_ROLES, find_gates, slot_owners
from hiervae.schedulers.rewo import REWO
from tests.support.models import small_model, vhp

RULE = REWO(kappa=1.0)


@pytest.fixture(scope="module")
def model():
    model = small_model(prior=vhp())
    model.build((None, 6))
    return model


def test_parts_that_hold_weights_can_be_held():
    assert set(GATED_ROLES) == {"prior", "inference", "likelihood"}


def test_without_a_gate_nothing_is_held_and_no_optimiser_is_asked(model):
    assert find_gates(None, {}, model.trainable_variables, None) == ()
    assert find_gates(None, {}, model.trainable_variables, None, [0, 0, 0]) == ()


def test_a_gate_holds_all_weights_of_its_part_and_their_slots(model):
    optimizer = keras.optimizers.Adam()
    trainable = model.trainable_variables
    parts = {role: getattr(model, role) for role in GATED_ROLES}
    (gate,) = find_gates(RULE, parts, trainable, optimizer)
    assert gate.key == "gate_prior"
    assert {trainable[i].path for i in gate.weights} == {
        weight.path for weight in model.prior.trainable_variables
    }
    shapes = sorted(tuple(optimizer.variables[i].shape) for i in gate.slots)
    assert shapes == sorted(2 * [tuple(trainable[i].shape) for i in gate.weights])


def test_slots_of_weights_of_one_path_are_told_apart_by_their_order():
    weights = []
    for size in (2, 3):
        layer = keras.layers.Dense(size, name="same")
        layer.build((None, 1))
        weights += layer.trainable_variables
    optimizer = keras.optimizers.SGD(momentum=0.9)
    optimizer.build(weights)
    owned = 0
    for variable, owner in zip(optimizer.variables, slot_owners(optimizer, weights), strict=True):
        if owner is not None:
            assert tuple(variable.shape) == tuple(weights[owner].shape)
            owned += 1
    assert owned == len(weights)


def test_averages_and_foreign_state_are_refused(model):
    trainable = model.trainable_variables
    parts = {role: getattr(model, role) for role in GATED_ROLES}
    with pytest.raises(ValueError, match="use_ema=True beside REWO"):
        find_gates(RULE, parts, trainable, keras.optimizers.Adam(use_ema=True))
    optimizer = keras.optimizers.Adam()
    optimizer.build([keras.Variable(np.zeros(2), name="stranger")])
    with pytest.raises(ValueError, match="names no weight in training"):
        slot_owners(optimizer, trainable)
