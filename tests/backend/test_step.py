"""What an adapter makes of a batch, and what it leaves out of an optimiser's step."""

import keras
import numpy as np
import pytest

from hiervae.backend import Gate
from hiervae.backend.step import unpack_batch
from hiervae.backend.variables import drop_positions, gated_variables, is_elementwise

X = np.zeros((2, 3), dtype="float32")


@pytest.mark.parametrize(
    ("batch", "weights"),
    [(X, None), ((X,), None), ((X, [0, 0]), None), ((X, None, [1.0, 2.0]), [1.0, 2.0])],
)
def test_examples_and_weights_are_taken_and_targets_are_not(batch, weights):
    inputs, found = unpack_batch(batch)
    assert inputs is X
    assert found == weights


@pytest.mark.parametrize("inputs", [{"x": X}, [X, X]])
def test_several_arrays_are_refused(inputs):
    with pytest.raises(ValueError, match="holds a (dict|list) of inputs; expected one array"):
        unpack_batch((inputs, None))


def test_positions_are_dropped_whatever_their_order():
    assert drop_positions([3, 0, 3], "abcde") == ["b", "c", "e"]
    assert drop_positions([], "ab") == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, True),
        ({"clipnorm": 1.0}, True),
        ({"global_clipnorm": 1.0}, False),
        ({"gradient_accumulation_steps": 2}, False),
    ],
)
def test_optimisers_that_mix_weights_are_told_apart(options, expected):
    optimizer = keras.optimizers.Adam(**options)
    assert is_elementwise(optimizer) == expected
    assert not is_elementwise(keras.optimizers.LossScaleOptimizer(optimizer))


def test_held_variables_are_the_weights_and_then_the_slots():
    weights = [keras.Variable(np.zeros(size)) for size in (1, 2, 3)]
    optimizer = keras.optimizers.SGD(momentum=0.9)
    optimizer.build(weights)
    slot = next(v for v in optimizer.variables if tuple(v.shape) == (2,))
    number = next(i for i, v in enumerate(optimizer.variables) if v is slot)
    held = gated_variables(Gate("gate_a", (1,), (number,)), weights, optimizer)
    assert held[0] is weights[1]
    assert held[1] is slot
