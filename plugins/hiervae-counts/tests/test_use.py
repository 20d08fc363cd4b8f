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
LIKELIHOODS = (
    {"name": "poisson"},
    {"name": "negative_binomial"},
    {"name": "zero_inflated_negative_binomial", "dispersion": "predicted"},
    {"name": "categorical", "num_categories": 12},
    {"name": "laplace", "scale": "learned"},
)


def counts(number):
    rates = np.random.default_rng(0).gamma(1.0, 2.0, (number, 5))
    return np.minimum(np.random.default_rng(1).poisson(rates), 11).astype("float32")


def test_training_and_evaluation_by_the_command_line(tmp_path, capfd):
    np.save(tmp_path / "own.npy", counts(60))
    run = tmp_path / "run"
    options = [
        f"--dataset={tmp_path / 'own.npy'}",
        f"--out={run}",
        "--epochs=1",
        "--batch-size=20",
        "--set=model.likelihood=negative_binomial",
        "--set=model.network.hidden_units=[8]",
    ]
    assert cli.main(["train", *options]) == 0, capfd.readouterr().err
    assert "hiervae-counts" in json.dumps(json.loads((run / "config.json").read_text()))
    assert cli.main(["evaluate", str(run), "--num-samples=5"]) == 0, capfd.readouterr().err
    model = keras.models.load_model(run / "model.keras")
    assert type(model.likelihood).__name__ == "NegativeBinomial"


LOAD = """
import hiervae, keras, numpy, pathlib, sys
folder = pathlib.Path(sys.argv[1])
x, found = numpy.load(folder / "x.npy"), {}
for path in sorted(folder.glob("*.keras")):
    model = keras.models.load_model(path)
    found[path.stem + "_means"] = model.predict(x, verbose=0)
    found[path.stem + "_scores"] = model.log_likelihood(x, num_samples=7, verbose=0)
numpy.savez(folder / "found.npz", **found)
"""


@pytest.mark.slow
@pytest.mark.parametrize("other", [name for name in BACKENDS if name != keras.backend.backend()])
def test_what_one_backend_saved_another_loads(tmp_path, other):
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed")
    x, models = counts(20), {}
    for likelihood in LIKELIHOODS:
        network = {"name": "mlp", "hidden_units": (8,)}
        model = HierarchicalVAE(latent_dims=2, likelihood=likelihood, network=network, seed=0)
        model.compile(keras.optimizers.Adam(0.01))
        model.fit(x, epochs=2, verbose=0)
        model.save(tmp_path / f"{likelihood['name']}.keras")
        models[likelihood["name"]] = model
    np.save(tmp_path / "x.npy", x)
    environment = {**os.environ, "KERAS_BACKEND": other}
    command = [sys.executable, "-c", LOAD, str(tmp_path)]
    subprocess.run(command, check=True, env=environment, timeout=600)
    found = np.load(tmp_path / "found.npz")
    for name, model in models.items():
        expected = model.predict(x, verbose=0)
        np.testing.assert_allclose(found[f"{name}_means"], expected, rtol=1e-4, atol=1e-4)
        expected = model.log_likelihood(x, num_samples=7, verbose=0)
        np.testing.assert_allclose(found[f"{name}_scores"], expected, rtol=1e-4, atol=1e-3)
