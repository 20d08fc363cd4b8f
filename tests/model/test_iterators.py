"""What can be read once is refused where it would have to be read again."""

import re

import numpy as np
import pytest

from hiervae.errors import DataError
from tests.support.models import binary_data, compiled, small_model

X = binary_data(10)
QUIET = {"verbose": 0, "shuffle": False}


def batches(num=5):
    for i in range(num):
        yield X[2 * (i % 5) : 2 * (i % 5) + 2]


@pytest.fixture
def model():
    return compiled(small_model())


def test_a_generator_is_not_read_to_its_end_twice(model):
    with pytest.raises(DataError, match="x is a generator, .* read 3 times; .*`steps_per_epoch`"):
        model.fit(batches(), epochs=3, **QUIET)
    for data in (batches(), (batches(),)):
        with pytest.raises(DataError, match="validation_data .* 2 times; .*`validation_steps`"):
            model.fit(X, epochs=2, validation_data=data, **QUIET)
    assert model.training_step == 0


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize(("freq", "num"), [(1, 3), (2, 1), ([1, 3], 2), ([3], 1), ([7], 0)])
def test_validation_is_counted(model, freq, num):
    def fit(data):
        return model.fit(X, epochs=3, validation_freq=freq, validation_data=data, **QUIET)

    model.optimizer.learning_rate = 0.0
    if num > 1:
        with pytest.raises(DataError, match=f"read {num} times"):
            fit(batches())
        return
    found = fit(batches()).history.get("val_kl", [])
    assert len(found) == num
    # Two examples a batch, so that the means of batches are those of the examples.
    np.testing.assert_allclose(
        found, [model.evaluate(X, verbose=0, return_dict=True)["kl"]] * num, rtol=1e-5
    )


def test_steps_are_taken_from_where_the_last_epoch_ended(model):
    model.fit(batches(6), epochs=3, steps_per_epoch=2, **QUIET)
    assert model.training_step == 6


@pytest.mark.parametrize("in_validation", [False, True])
def test_too_few_batches_are_an_error(model, in_validation):
    steps = "validation_steps" if in_validation else "steps_per_epoch"
    name, x = ("validation_data", X) if in_validation else ("x", batches())
    message = re.escape(f"{name} ended after 5 batches; expected 15, `{steps}`")
    data = {"validation_data": batches()} if in_validation else {}
    # TensorFlow says it in an error of its own.
    with pytest.raises(Exception, match=message):
        model.fit(x, epochs=3, **{steps: 5}, **data, **QUIET)
