"""From the command line, and between backends."""

import json

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE, cli
from hiervae.testing import check_on_another_backend, other_backends

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


@pytest.mark.slow
@pytest.mark.parametrize("prior", NAMES)
@pytest.mark.parametrize("other", other_backends())
def test_what_one_backend_saved_another_loads(other, prior):
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
    check_on_another_backend(model, x, other)
