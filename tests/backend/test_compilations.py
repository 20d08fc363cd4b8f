"""What is compiled once is not compiled again."""

import numpy as np
import pytest

from tests.backend.compilations import counted_compilations
from tests.support.models import binary_data, compiled, rewo, small_model, vhp

pytestmark = pytest.mark.backends("jax")
X = binary_data(23)  # in batches of 4: three calls of two steps, the last with a batch of 3


def fit(model, epochs, **options):
    model.fit(X, batch_size=4, epochs=epochs, validation_data=(X[:7],), verbose=0, **options)


@pytest.fixture(scope="module")
def model():
    model = compiled(small_model(prior=vhp()), steps_per_execution=2)
    fit(model, 2)  # the second epoch begins with values that the first one left on the device
    model.encode(X)
    model.log_likelihood(X, num_samples=4)
    return model


def test_two_epochs_with_validation_and_a_smaller_last_batch(model):
    with counted_compilations() as programs:
        fit(model, 2)
    assert programs == []


def test_encode_and_log_likelihood(model):
    with counted_compilations() as programs:
        model.encode(X)
        model.log_likelihood(X, num_samples=4)
    assert programs == []


def test_a_new_rule_is_compiled_once(model):
    with counted_compilations() as programs:
        fit(model, 1, callbacks=[rewo()])
    assert programs, "nothing was counted"
    with counted_compilations() as programs:
        fit(model, 3, callbacks=[rewo()])
    assert programs == []


def trainings(programs):
    """Of names of programs, those of several training steps."""
    return [name for name in programs if "(run)" in name]


def test_a_step_is_compiled_for_two_sizes_of_batch_alone():
    """However many steps a call has, whatever is left of an epoch, and in all epochs."""
    model = compiled(small_model(), steps_per_execution=3)
    options = {"batch_size": 4, "verbose": 0}
    with counted_compilations() as programs:
        model.fit(X, epochs=2, **options)
    assert len(trainings(programs)) == 2
    with counted_compilations() as programs:
        for number in (1, 3, 4):
            model.fit(X, steps_per_epoch=number, **options)
    assert trainings(programs) == []


def test_the_batches_of_a_generator_are_joined_without_another_program():
    model = compiled(small_model(), steps_per_execution=3)
    batches = [X[i : i + 4] for i in range(0, 20, 4)]
    options = {"steps_per_epoch": 5, "shuffle": False, "verbose": 0}
    with counted_compilations() as programs:
        model.fit(iter(batches), **options)
    assert 1 <= len(trainings(programs)) <= 2
    with counted_compilations() as programs:
        model.fit(iter(batches), **options)
    assert trainings(programs) == []
    assert model.training_step == 10


def test_ten_fits_with_ten_kappas_share_one_program():
    model = compiled(small_model(prior=vhp()), steps_per_execution=2)
    fit(model, 2, callbacks=[rewo(kappa=0.4)])
    with counted_compilations() as programs:
        for kappa in np.linspace(0.1, 1.0, 10):
            fit(model, 1, callbacks=[rewo(kappa=float(kappa), nu=0.1 + kappa, tau=1.0 + kappa)])
    assert programs == []


MANY = binary_data(150)
SIZES = [*range(2, 40, 2), 77, 100, 101, 150]  # 23 numbers of examples


def compiled_for_sizes(name, call):
    """How many programs of a name were compiled for `call` with each number of examples."""
    with counted_compilations() as programs:
        for size in SIZES:
            call(MANY[:size])
    return sum(name in program for program in programs)


def test_log_likelihood_is_compiled_once_for_all_numbers_of_examples(model):
    def score(x):
        model.log_likelihood(x, num_samples=1000, verbose=0)

    assert compiled_for_sizes("pure", score) == 1


def test_scores_of_few_samples_are_compiled_for_few_sizes(model):
    assert compiled_for_sizes("pure", model.elbo) == 4


def test_predict_and_encode_are_compiled_for_powers_of_two(model):
    def predict(x):
        assert model.predict(x, batch_size=32, verbose=0).shape == x.shape

    assert compiled_for_sizes("predict_step", predict) == 5
    assert compiled_for_sizes("pure", model.encode) == 7


FEW = [33, 45, 64, 77, 150]  # more than a batch of 32
FEWER = [3, 9, 17, 30, 32]  # no more than one


def steps_compiled(call, sizes):
    """How many programs of steps were compiled for `call` with each number of examples."""
    with counted_compilations() as programs:
        for size in sizes:
            call(MANY[:size])
    return len(trainings(programs))


@pytest.mark.parametrize("steps", [1, 3])
def test_evaluate_is_compiled_for_whole_batches_and_powers_of_two(steps):
    model = compiled(small_model(prior=vhp()), steps_per_execution=steps)
    model.build((None, X.shape[1]))

    def evaluate(x):
        model.evaluate(x, batch_size=32, verbose=0)

    evaluate(MANY[:100])
    assert steps_compiled(evaluate, FEW) == 0
    assert steps_compiled(evaluate, FEWER) == 2  # of 4 and 16 rows


def test_validation_is_compiled_once_for_all_numbers_of_examples():
    model = compiled(small_model())
    options = {"batch_size": 32, "epochs": 2, "verbose": 0}
    model.fit(MANY, **options)

    def validate(x):
        model.fit(MANY, validation_data=(x,), **options)

    assert steps_compiled(validate, FEW) == 1


def test_validation_of_a_share_is_compiled_for_whole_batches():
    model = compiled(small_model())
    model.fit(MANY, batch_size=32, verbose=0)
    with counted_compilations() as programs:
        for share in (0.3, 0.4, 0.5):
            model.fit(MANY, batch_size=32, verbose=0, validation_split=share)
    validated = len(trainings(programs)) - 3  # sizes of the last batch of a training
    assert validated == 1
