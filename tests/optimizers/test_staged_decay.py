"""The learning rates of Burda et al. (2016)."""

import keras
import numpy as np
import pytest

from hiervae.optimizers import StagedDecay


def test_stage_i_has_3_to_the_i_epochs_at_its_rate():
    schedule = StagedDecay(steps_per_epoch=2)
    # Section 5 of the paper: "0.001 * 10^(-i/7) for 3^i passes over the data (for i = 0 ... 7)".
    rates = [0.001 * 10 ** (-i / 7) for i in range(8) for _ in range(3**i) for _ in range(2)]
    assert len(rates) == 2 * 3280
    around = [0, 1, 2, 3, 7, 8, 25, 26, 79, 80, 2 * 1092, 2 * 1093 - 1, 2 * 1093, 6559]
    for step in around:
        found = float(schedule(keras.ops.convert_to_tensor(step)))
        assert found == pytest.approx(rates[step], rel=1e-5), step
    assert float(schedule(keras.ops.convert_to_tensor(10**6))) == pytest.approx(1e-4, rel=1e-5)


def test_an_optimiser_steps_by_it_and_is_saved_with_it():
    optimizer = keras.optimizers.SGD(StagedDecay(1.0, steps_per_epoch=2))
    config = keras.optimizers.serialize(optimizer)
    optimizer = keras.optimizers.deserialize(config)
    weight = keras.Variable(np.zeros(1, dtype="float32"))
    steps = []
    for _ in range(4):
        before = float(weight.numpy()[0])
        optimizer.apply([keras.ops.ones(1)], [weight])
        steps.append(before - float(weight.numpy()[0]))
    assert steps == pytest.approx([1.0, 1.0, *[10 ** (-1 / 7)] * 2], rel=1e-5)
    schedule = StagedDecay(0.5, 7)
    assert StagedDecay.from_config(schedule.get_config()).get_config() == schedule.get_config()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initial_learning_rate": 0.0}, r"initial_learning_rate=0\.0: expected a positive number"),
        ({"steps_per_epoch": 0}, "steps_per_epoch=0: expected a positive integer"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        StagedDecay(**options)
