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


def test_training_and_evaluation_by_the_command_line(tmp_path, capfd):
    data = (np.random.default_rng(0).random((60, 4)) < 0.5).astype("float32")
    np.save(tmp_path / "own.npy", data)
    run = tmp_path / "run"
    options = [
        f"--dataset={tmp_path / 'own.npy'}",
        f"--out={run}",
        "--epochs=1",
        "--batch-size=20",
        "--set=model.likelihood=bernoulli",
        "--set=model.network.hidden_units=[8]",
        "--set=model.prior=realnvp",
        "--set=model.inference=iaf_posterior",
    ]
    assert cli.main(["train", *options]) == 0, capfd.readouterr().err
    config = json.loads((run / "config.json").read_text())
    assert "realnvp" in json.dumps(config)
    assert "hiervae-flows" in json.dumps(config)
    assert cli.main(["evaluate", str(run), "--num-samples=5"]) == 0, capfd.readouterr().err
    model = keras.models.load_model(run / "model.keras")
    assert type(model.prior).__name__ == "RealNVP"
    assert type(model.inference).__name__ == "InverseAutoregressivePosterior"


LOAD = """
import hiervae, keras, numpy, sys
model = keras.models.load_model(sys.argv[1])
latent, x = numpy.load(sys.argv[2]), numpy.load(sys.argv[3])
scores = model.log_likelihood(x, num_samples=7, verbose=0)
numpy.savez(sys.argv[4], prior=model.prior_log_prob(latent), scores=scores)
"""


@pytest.mark.slow
@pytest.mark.parametrize("other", [name for name in BACKENDS if name != keras.backend.backend()])
def test_what_one_backend_saved_another_loads(tmp_path, other):
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed")
    model = HierarchicalVAE(
        latent_dims=(2, 3),
        prior={"name": "iaf", "num_layers": 3, "hidden_units": (8,), "ordering": "random"},
        inference={"name": "iaf_posterior", "scheme": "top_down", "hidden_units": (8,)},
        network={"name": "mlp", "hidden_units": (8,)},
        seed=0,
    )
    model.build((None, 4))
    x = np.eye(4, dtype="float32")
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(np.tile(x, (10, 1)), epochs=2, verbose=0)
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
