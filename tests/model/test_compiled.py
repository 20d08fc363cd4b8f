"""What is compiled, and when it is compiled anew."""

import cProfile
import pstats

import keras
import numpy as np
import pytest

from hiervae.priors.vhp import VariationalHierarchicalPrior
from tests.support.models import binary_data, compiled, small_model, vhp

X = binary_data(8)


class OwnPrior(VariationalHierarchicalPrior):
    """A user's own, with an option in an attribute of another name than the argument's."""

    def __init__(self, strength=1.0, **kwargs):
        super().__init__(latent_dim=2, num_importance_samples=1, network="mlp", **kwargs)
        self.factor = strength

    def log_prob(self, latent, components=None, seed=None, training=False):
        return self.factor * keras.ops.sum(latent, axis=-1)


def test_a_second_call_asks_the_registry_nothing():
    model = small_model(prior=vhp())
    model.encode(X)
    profile = cProfile.Profile()
    profile.runcall(model.encode, X)
    files = [name for name, _, _ in pstats.Stats(profile).stats]
    assert any("inspection" in name for name in files), "nothing was measured"
    assert not [name for name in files if "hiervae/registry" in name]


def test_options_are_compiled_in_and_noticed_when_they_change():
    model = small_model(prior=OwnPrior())
    model.build((None, X.shape[1]))
    latent = np.ones((2, model.prior_dim), dtype="float32")
    assert model.prior_log_prob(latent) == pytest.approx(model.prior_dim)
    model.prior.factor = 3.0
    assert model.prior_log_prob(latent) == pytest.approx(3.0 * model.prior_dim)


def test_functions_are_kept_until_an_option_changes():
    model = small_model(prior=vhp(), likelihood="gaussian")
    model.encode(X)

    def kept():
        return model.compiled_function(("probe",), lambda: None)

    first = kept()
    model.encode(X, sample=True)
    assert kept() is first
    model.prior.num_importance_samples = model.prior.num_importance_samples
    assert kept() is first
    model.prior.num_importance_samples += 1
    second = kept()
    assert second is not first
    model.likelihood.variance = 0.5
    assert kept() is not second


@pytest.mark.parametrize("run", ["fit", "evaluate"])
def test_training_changes_no_version(run):
    model = compiled(small_model(prior=vhp()))
    model.fit(X, batch_size=4, verbose=0)
    before = model.options_version
    getattr(model, run)(X, batch_size=4, verbose=0)
    assert model.options_version == before
