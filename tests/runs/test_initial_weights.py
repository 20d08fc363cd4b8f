"""A training may begin with the weights of another one."""

import numpy as np
import pytest

from hiervae.errors import HiervaeError
from hiervae.runs.initial_weights import take_weights
from hiervae.runs.model_file import save_model
from tests.support.models import binary_data, compiled, numpy_of, small_model, weights_of

X = binary_data(24)
NETWORK = {"name": "mlp", "hidden_units": ((5,), (4,)), "batch_norm": True, "dropout": 0.1}
OPTIONS = {
    "latent_dims": (3, 2),
    "inference": "ladder",
    "prior": {"name": "vamp", "num_components": 4, "initialize": "data"},
    "network": NETWORK,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model with moving averages, dropout and data-dependent initialisation, and its file."""
    model = compiled(small_model(**OPTIONS))
    model.fit(X, epochs=2, batch_size=8, verbose=0)
    path = tmp_path_factory.mktemp("trained") / "model.keras"
    save_model(model, path)
    return model, path


def other_model(**changes):
    model = compiled(small_model(**{**OPTIONS, **changes}))
    model.build((None, X.shape[1]))
    return model


def test_the_model_is_the_trained_one_with_another_bound(trained):
    source, path = trained
    model = other_model(bound="importance_weighted", num_samples=3, seed=5)
    generators = [numpy_of(state).copy() for state in model.generator_states]
    take_weights(model, path)
    assert (model.training_step, source.training_step) == (0, 6)
    for before, state in zip(generators, model.generator_states, strict=True):
        np.testing.assert_array_equal(before, numpy_of(state))
    scores = [m.elbo(X, num_samples=4, seed=1) for m in (source, model)]
    np.testing.assert_array_equal(*scores)


def test_parts_keep_what_they_took_from_examples(trained):
    _, path = trained
    model = other_model()
    assert model.needs_adapting()
    take_weights(model, path)
    assert not model.needs_adapting()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_dims": (3, 1)}, r"has shape \(4, 2\), and there \(4, 4\)"),
        ({"prior": "standard_normal"}, "a StandardNormal where they are of a VampPrior"),
        ({"network": {**NETWORK, "batch_norm": False}}, "has shape|weights, and there"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_nothing_is_taken(trained, changes, message):
    model = other_model(**changes)
    before = weights_of(model)
    with pytest.raises(ValueError, match=message):
        take_weights(model, trained[1])
    for name, value in weights_of(model).items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("name", ["absent.keras", "absent", "."])
def test_what_is_no_run_is_refused(tmp_path, name):
    with pytest.raises(HiervaeError, match=r"does not exist|is no run folder"):
        take_weights(other_model(), tmp_path / name)
