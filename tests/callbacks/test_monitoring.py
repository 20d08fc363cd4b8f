"""The monitoring callbacks around a real model."""

import keras
import numpy as np
import pytest

import hiervae
from hiervae.callbacks.image_monitor import ImageMonitor
from hiervae.callbacks.latent_monitor import LatentMonitor
from hiervae.callbacks.tensorboard import TensorBoard

pytest.importorskip("matplotlib")

# Keras' variables have an `__array__` of NumPy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

x = (np.random.default_rng(0).random((60, 16)) < 0.4).astype("float32")


def train(*callbacks):
    keras.utils.set_random_seed(0)
    model = hiervae.HierarchicalVAE(
        latent_dims=(2,),
        prior="standard_normal",
        network={"name": "mlp", "hidden_units": (8,)},
        seed=0,
    )
    model.compile("adam")
    options = {"batch_size": 20, "validation_data": (x[:20],), "verbose": 0}
    histories = [model.fit(x, epochs=n, callbacks=list(callbacks), **options) for n in (2, 1)]
    logs = {
        name: histories[0].history[name] + histories[1].history[name]
        for name in histories[0].history
    }
    return model, logs


def test_monitoring_shows_the_training_and_does_not_change_it(tmp_path, read_scalars, read_events):
    plain, expected = train()
    model, logs = train(
        TensorBoard(tmp_path / "logs", update_freq=2),
        ImageMonitor(x, tmp_path / "figures", tmp_path / "logs", every=1, num_images=4),
        LatentMonitor(x, tmp_path / "figures", tmp_path / "logs", every=1),
    )
    assert logs == expected
    for weight, same in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)

    steps = [3, 6, 9]
    assert model.training_step == steps[-1]
    train_run, validation_run = (
        read_scalars(tmp_path / "logs" / run) for run in ("train", "validation")
    )
    names = {"loss", "elbo", "reconstruction", "kl", "kl_1", "beta", "constraint", "phase"}
    assert names <= set(train_run)
    decided = {"beta", "constraint", "phase"}  # constants in validation
    assert set(validation_run) == names - decided
    for name, values in logs.items():
        if name.removeprefix("val_") in decided and name.startswith("val_"):
            continue
        run = validation_run if name.startswith("val_") else train_run
        found = run[name.removeprefix("val_")]
        assert found == dict(zip(steps, np.float32(values).tolist(), strict=True)), name
    assert {"learning_rate", "steps_per_second"} <= set(train_run)
    assert list(train_run["batch/elbo"]) == [2, 4, 6, 8]
    assert train_run["batch/elbo"][6] == train_run["elbo"][6]

    for run, tag in (("images", "samples"), ("latents", "posterior")):
        pictures = read_events(tmp_path / "logs" / run).Images(tag)
        assert [event.step for event in pictures] == steps
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        f"{name}_{step:07d}.png"
        for name in ("reconstructions", "samples", "posterior", "prior")
        for step in steps
    }
