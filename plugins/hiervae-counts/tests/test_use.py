"""From the command line, and between backends."""

import json

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE, cli
from hiervae.testing import check_on_another_backend, other_backends

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


@pytest.mark.slow
@pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=lambda each: each["name"])
@pytest.mark.parametrize("other", other_backends())
def test_what_one_backend_saved_another_loads(other, likelihood):
    network = {"name": "mlp", "hidden_units": (8,)}
    model = HierarchicalVAE(latent_dims=2, likelihood=likelihood, network=network, seed=0)
    x = counts(20)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(x, epochs=2, verbose=0)
    check_on_another_backend(model, x, other)
