"""From the command line, and between backends."""

import importlib.util
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE, cli

from hiervae_posthoc import fit_prior

BACKENDS = ("jax", "tensorflow", "torch")


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


LOAD = """
import hiervae, keras, numpy, sys
model = keras.models.load_model(sys.argv[1])
latent, x = numpy.load(sys.argv[2]), numpy.load(sys.argv[3])
scores = model.log_likelihood(x, num_samples=7, verbose=0)
numpy.savez(sys.argv[4], prior=model.prior_log_prob(latent), scores=scores)
"""


@pytest.mark.slow
@pytest.mark.parametrize("other", [name for name in BACKENDS if name != keras.backend.backend()])
def test_what_one_backend_fitted_another_loads(tmp_path, other):
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed")
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
    latent = np.random.default_rng(0).standard_normal((5, 3)).astype("float32")
    fitted.save(tmp_path / "model.keras")
    for name, array in (("latent", latent), ("x", x)):
        np.save(tmp_path / f"{name}.npy", array)
    files = [tmp_path / name for name in ("model.keras", "latent.npy", "x.npy", "out.npz")]
    command = [sys.executable, "-c", LOAD, *map(str, files)]
    environment = {**os.environ, "KERAS_BACKEND": other}
    subprocess.run(command, check=True, env=environment, timeout=300)
    found = np.load(files[-1])
    np.testing.assert_allclose(found["prior"], fitted.prior_log_prob(latent), atol=1e-4)
    expected = fitted.log_likelihood(x, num_samples=7, verbose=0)
    np.testing.assert_allclose(found["scores"], expected, atol=1e-3)
