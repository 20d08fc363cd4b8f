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

BACKENDS = ("jax", "tensorflow", "torch")
NAMES = {"exemplar": "ExemplarPrior", "vamp_mixture": "VampMixture"}


@pytest.mark.parametrize("prior", NAMES)
def test_training_and_evaluation_by_the_command_line(tmp_path, capfd, prior):
    data = (np.random.default_rng(0).random((150, 8)) < 0.5).astype("float32")
    np.save(tmp_path / "own.npy", data)
    run = tmp_path / "run"
    options = [
        f"--dataset={tmp_path / 'own.npy'}",
        f"--out={run}",
        "--epochs=1",
        "--batch-size=40",
        "--set=model.likelihood=bernoulli",
        "--set=model.network.hidden_units=[8]",
        f"--set=model.prior={prior}",
    ]
    assert cli.main(["train", *options]) == 0, capfd.readouterr().err
    config = json.loads((run / "config.json").read_text())
    assert "hiervae-exemplar" in json.dumps(config)
    assert cli.main(["evaluate", str(run), "--num-samples=5"]) == 0, capfd.readouterr().err
    model = keras.models.load_model(run / "model.keras")
    assert type(model.prior).__name__ == NAMES[prior]


LOAD = """
import hiervae, keras, numpy, sys
model = keras.models.load_model(sys.argv[1])
latent, x = numpy.load(sys.argv[2]), numpy.load(sys.argv[3])
scores = model.log_likelihood(x, num_samples=7, verbose=0)
model.compile(keras.optimizers.Adam(0.01))
model.fit(x, epochs=1, verbose=0)
again = keras.models.load_model(sys.argv[1])
numpy.savez(sys.argv[4], prior=again.prior_log_prob(latent), scores=scores)
"""


@pytest.mark.slow
@pytest.mark.parametrize("prior", NAMES)
@pytest.mark.parametrize("other", [name for name in BACKENDS if name != keras.backend.backend()])
def test_what_one_backend_saved_another_loads(tmp_path, other, prior):
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed")
    model = HierarchicalVAE(
        latent_dims=(2, 3),
        prior={"name": prior, "num_components": 20},
        inference="top_down",
        network={"name": "mlp", "hidden_units": (8,)},
        seed=0,
    )
    x = (np.random.default_rng(0).random((40, 8)) < 0.5).astype("float32")
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(x, batch_size=20, epochs=2, verbose=0)
    latent = np.random.default_rng(0).standard_normal((5, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    for name, array in (("latent", latent), ("x", x)):
        np.save(tmp_path / f"{name}.npy", array)
    files = [tmp_path / name for name in ("model.keras", "latent.npy", "x.npy", "out.npz")]
    command = [sys.executable, "-c", LOAD, *map(str, files)]
    environment = {**os.environ, "KERAS_BACKEND": other}
    subprocess.run(command, check=True, env=environment, timeout=300)
    found = np.load(files[-1])
    np.testing.assert_allclose(found["prior"], model.prior_log_prob(latent), atol=1e-4)
    expected = model.log_likelihood(x, num_samples=7, verbose=0)
    np.testing.assert_allclose(found["scores"], expected, atol=1e-3)
