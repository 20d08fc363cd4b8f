"""From the command line, and between backends."""

import json

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE, cli
from hiervae.testing import check_on_another_backend, other_backends

from hiervae_posthoc import fit_prior


def binary(number, size=6):
    return (np.random.default_rng(0).random((number, size)) < 0.5).astype("float32")


def test_training_by_the_command_line_and_fitting_after_it(tmp_path, capfd):
    np.save(tmp_path / "own.npy", binary(150))
    run = tmp_path / "run"
    options = [
        f"--dataset={tmp_path / 'own.npy'}",
        f"--out={run}",
        "--epochs=1",
        "--batch-size=40",
        "--set=model.likelihood=bernoulli",
        "--set=model.network.hidden_units=[8]",
        "--set=model.prior=posthoc_mixture",
    ]
    assert cli.main(["train", *options]) == 0, capfd.readouterr().err
    assert "hiervae-posthoc" in json.dumps(json.loads((run / "config.json").read_text()))
    model = keras.models.load_model(run / "model.keras")
    latent = np.zeros((1, model.prior_dim), dtype="float32")
    before = model.prior_log_prob(latent)
    x = binary(150)
    model.prior.fit_latents(model.governed_latent(model.encode(x, sample=True, seed=0)))
    assert abs(model.prior_log_prob(latent) - before).max() > 0.01
    model.save(run / "model.keras")
    assert cli.main(["evaluate", str(run), "--num-samples=5"]) == 0, capfd.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("other", other_backends())
def test_what_one_backend_fitted_another_loads(other):
    model = HierarchicalVAE(
        latent_dims=(2, 3),
        inference="top_down",
        network={"name": "mlp", "hidden_units": (8,)},
        seed=0,
    )
    x = binary(40)
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(x, epochs=2, verbose=0)
    fitted = fit_prior(model, x, {"name": "posthoc_mixture", "num_components": 4})
    check_on_another_backend(fitted, x, other)
