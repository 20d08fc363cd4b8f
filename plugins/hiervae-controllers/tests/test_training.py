"""Short trainings in which each rule does what it is for."""

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE
from hiervae.callbacks import BetaController


@pytest.fixture(scope="module")
def examples():
    """Binary examples of 16 values from 4 latent bits: up to 2.8 nats to encode."""
    generator = np.random.default_rng(0)
    bits = generator.random((512, 4)) < 0.5
    return np.repeat(bits, 4, axis=1).astype("float32")


def train(examples, rule, epochs=30):
    model = HierarchicalVAE(latent_dims=4, network={"name": "mlp", "hidden_units": (32,)}, seed=0)
    model.compile(keras.optimizers.Adam(5e-3))
    return model.fit(
        examples, batch_size=32, epochs=epochs, verbose=0, callbacks=[BetaController(rule)]
    ).history


@pytest.mark.parametrize(
    ("target", "options"),
    [
        (4.0, {"proportional": 0.05, "integral": 0.005}),
        (1.0, {"integral": 0.03, "anti_windup": "conditional"}),
    ],
)
def test_pid_brings_the_kl_to_its_target(examples, target, options):
    rule = {"name": "pid", "target": target, "beta_bounds": (0.0, 10.0), **options}
    history = train(examples, rule)
    assert np.mean(history["kl"][-5:]) == pytest.approx(target, abs=0.3)


def test_capacity_brings_the_kl_to_its_end(examples):
    history = train(examples, {"name": "capacity", "end": 3.0, "steps": 200, "gamma": 10.0})
    assert np.mean(history["kl"][-5:]) == pytest.approx(3.0, abs=0.4)
    assert history["phase"][-1] == 1.0


def test_free_bits_keep_the_kl_near_the_rate(examples):
    rule = {"name": "free_bits", "rate": 4.0, "change": 0.02, "beta_bounds": (1e-6, 10.0)}
    history = train(examples, rule)
    assert np.mean(history["kl"][-5:]) == pytest.approx(4.1, abs=0.4)


def test_cyclical_has_the_kl_return_in_each_cycle(examples):
    history = train(examples, {"name": "cyclical", "steps": 16 * 20, "cycles": 2}, epochs=22)
    assert history["kl"][11] > history["kl"][9] + 1.0
    assert history["kl"][11] > history["kl"][-1] + 1.0
    assert history["beta"][-1] == 1.0


def test_later_rewo_has_no_kl_before_the_bound_is_met(examples):
    rule = {"name": "rewo_later", "kappa": 0.5, "update_every": 5, "nu": 5.0}
    history = train(examples, rule)
    phase, beta = np.array(history["phase"]), np.array(history["beta"])
    assert phase[0] < 1.0
    assert phase[-1] == 1.0
    assert beta[0] < 0.5
    assert beta[-1] > 0.5
    assert np.mean(history["constraint"][-3:]) < 16 * 0.5**2 * 1.2
