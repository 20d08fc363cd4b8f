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


def colours(number=60):
    generator = np.random.default_rng(0)
    return (generator.integers(0, 256, (number, 4, 4, 3)) / 255).astype("float32")


def test_training_and_evaluation_by_the_command_line(tmp_path, capfd):
    np.save(tmp_path / "own.npy", colours())
    run = tmp_path / "run"
    options = [
        f"--dataset={tmp_path / 'own.npy'}",
        f"--out={run}",
        "--epochs=1",
        "--batch-size=20",
        "--set=model.likelihood=logistic_mixture",
        "--set=model.network.hidden_units=[8]",
    ]
    assert cli.main(["train", *options]) == 0, capfd.readouterr().err
    config = json.loads((run / "config.json").read_text())
    assert "hiervae-logistics" in json.dumps(config)
    assert cli.main(["evaluate", str(run), "--num-samples=5"]) == 0, capfd.readouterr().err
    model = keras.models.load_model(run / "model.keras")
    assert type(model.likelihood).__name__ == "LogisticMixture"


LOAD = """
import hiervae, keras, numpy, sys
model = keras.models.load_model(sys.argv[1])
x = numpy.load(sys.argv[2])
scores = model.log_likelihood(x, num_samples=7, verbose=0)
numpy.savez(sys.argv[3], means=model.predict(x, verbose=0), scores=scores)
"""


@pytest.mark.slow
@pytest.mark.parametrize("other", [name for name in BACKENDS if name != keras.backend.backend()])
def test_what_one_backend_saved_another_loads(tmp_path, other):
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed")
    model = HierarchicalVAE(
        latent_dims=2,
        likelihood={"name": "logistic_mixture", "num_components": 3},
        network={"name": "mlp", "hidden_units": (8,)},
        seed=0,
    )
    x = colours(20)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(x, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    files = [tmp_path / name for name in ("model.keras", "x.npy", "out.npz")]
    command = [sys.executable, "-c", LOAD, *map(str, files)]
    environment = {**os.environ, "KERAS_BACKEND": other}
    subprocess.run(command, check=True, env=environment, timeout=300)
    found = np.load(files[-1])
    np.testing.assert_allclose(found["means"], model.predict(x, verbose=0), atol=1e-5)
    expected = model.log_likelihood(x, num_samples=7, verbose=0)
    np.testing.assert_allclose(found["scores"], expected, rtol=1e-5, atol=1e-2)
