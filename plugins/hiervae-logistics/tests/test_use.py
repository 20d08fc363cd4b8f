"""From the command line, and between backends."""

import json

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE, cli
from hiervae.testing import check_on_another_backend, other_backends


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


@pytest.mark.slow
@pytest.mark.parametrize("other", other_backends())
def test_what_one_backend_saved_another_loads(other):
    model = HierarchicalVAE(
        latent_dims=2,
        likelihood={"name": "logistic_mixture", "num_components": 3},
        network={"name": "mlp", "hidden_units": (8,)},
        seed=0,
    )
    x = colours(20)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(x, epochs=2, verbose=0)
    check_on_another_backend(model, x, other)
