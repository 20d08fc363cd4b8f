"""From the command line, and between backends."""

import json

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE, cli
from hiervae.testing import check_on_another_backend, other_backends


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


@pytest.mark.slow
@pytest.mark.parametrize("other", other_backends())
def test_what_one_backend_saved_another_loads(other):
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
    check_on_another_backend(model, x, other)
