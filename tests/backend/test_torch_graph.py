"""Steps that are recorded on PyTorch do what the eager ones do."""

import keras
import numpy as np
import pytest

from hiervae.likelihoods.bernoulli import Bernoulli
from tests.support.models import binary_data, compiled, rewo, small_model, vhp
from tests.support.noise import no_noise

pytestmark = pytest.mark.backends("torch")
X = binary_data(23)
WEIGHTS = np.linspace(0.0, 2.0, len(X)).astype("float32")
VAMP = {"name": "vamp", "num_components": 5}
MODELS = {
    "plain": {},
    "vhp": {"prior": vhp()},
    "ladder": {"latent_dims": (3, 2), "inference": "ladder"},
    "hvae": {"latent_dims": (3, 2), "inference": "top_down", "prior": VAMP},
    "binarised": {"dynamic_binarisation": True},
}


def train(eager, weights=None, model=None, **options):
    """Logs, all variables, and the recorded steps, with batches of 4 and a last one of 3."""
    keras.utils.set_random_seed(3)
    model = model or small_model(**options)
    compiled(model, keras.optimizers.Adam(1e-2), run_eagerly=eager)
    controller = rewo(kappa=3.0)
    history = model.fit(
        X,
        batch_size=4,
        epochs=4,
        verbose=0,
        sample_weight=weights,
        validation_data=(X[:7],),
        callbacks=[controller],
    ).history
    recorder = model._recorders.train
    recorded = [] if recorder is None else list(recorder._recorded.values())
    return history, [keras.ops.convert_to_numpy(v) for v in model.variables], recorded


def assert_equal(found, expected):
    assert found[0] == expected[0]
    for value, wanted in zip(found[1], expected[1], strict=True):
        np.testing.assert_array_equal(value, wanted)


@pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
def test_a_recorded_step_gives_the_very_same_numbers(options, weights):
    found = train(False, weights, **options)
    assert len(found[2]) == 2, "one for each size of batch"
    assert None not in found[2], "nothing was recorded"
    assert_equal(found, train(True, weights, **options))


class LooksAtValues(Bernoulli):
    """A user's own, which no graph can hold."""

    def log_prob_and_error(self, inputs, features, *args, **kwargs):
        if float(keras.ops.sum(inputs)) < 0:
            raise ValueError("negative")
        return super().log_prob_and_error(inputs, features, *args, **kwargs)


def test_what_cannot_be_recorded_is_stepped_through():
    found = train(False, likelihood=LooksAtValues())
    assert found[2] == [None, None]
    assert_equal(found, train(True, likelihood=LooksAtValues()))


def test_noise_that_is_injected_later_is_heard():
    model = compiled(small_model(), keras.optimizers.SGD(0.0))
    options = {"batch_size": 23, "verbose": 0, "shuffle": False}
    losses = model.fit(X, epochs=3, **options).history["loss"]
    assert len(set(losses)) == 3
    with no_noise():
        quiet = model.fit(X, epochs=3, **options).history["loss"]
    assert len(set(quiet)) == 1


def test_a_changed_objective_is_recorded_anew():
    model = compiled(small_model())
    model.fit(X, batch_size=4, epochs=2, verbose=0)
    before = model._recorders.train
    model.fit(X, batch_size=4, verbose=0)
    assert model._recorders.train is before
    model.set_objective(bound="importance_weighted", num_samples=3)
    model.fit(X, batch_size=4, verbose=0)
    assert model._recorders.train is not before
