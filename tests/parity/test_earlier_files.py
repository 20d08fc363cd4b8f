"""Models, a run folder and a graph that earlier code saved give the numbers they gave then."""

from __future__ import annotations

import shutil

import keras
import numpy as np
import pytest

from hiervae.manifold import LatentGraph
from hiervae.runs.folder import RunFolder
from tests.parity import cases
from tests.support.noise import same_noise_everywhere

FOLDER = cases.FIXTURES / "saved_before"
MODELS = ("hvae_vamp", "ladder", "vlae")


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_the_numbers_it_had(name):
    model = keras.models.load_model(FOLDER / f"{name}.keras")
    expected = np.load(FOLDER / f"{name}.npz")
    size = len(cases.X)
    with same_noise_everywhere():
        elbo = model.elbo(cases.X, num_samples=2, batch_size=size)
        score = model.log_likelihood(cases.X, num_samples=4, batch_size=size, verbose=0)
    np.testing.assert_allclose(elbo, expected["elbo"], rtol=1e-5)
    np.testing.assert_allclose(score, expected["log_likelihood"], rtol=1e-5)
    for level, latent in enumerate(model.encode(cases.X)):
        np.testing.assert_allclose(latent, expected[f"latent_{level}"], atol=1e-5)
    reconstruction = model.predict(cases.X, verbose=0)
    np.testing.assert_allclose(reconstruction, expected["reconstruction"], atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_goes_on_training(name):
    model = keras.models.load_model(FOLDER / f"{name}.keras")
    steps = model.training_step
    model.fit(cases.X, batch_size=8, epochs=1, verbose=0)
    assert model.training_step == steps + 2


def test_a_run_folder_and_its_graph_have_the_numbers_they_had(tmp_path):
    shutil.copytree(FOLDER / "run", tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    assert folder.read_config().training["epochs"] == 2
    model = folder.load_model()
    expected = np.load(FOLDER / "run_expected.npz")
    x = expected["x"]
    with same_noise_everywhere():
        elbo = model.elbo(x, num_samples=2, batch_size=len(x))
    np.testing.assert_allclose(elbo, expected["elbo"], rtol=1e-5)
    path = LatentGraph.load(FOLDER / "graph.npz", model).interpolate(x[0], x[7])
    assert path.length == pytest.approx(float(expected["length"]), rel=1e-5)
    np.testing.assert_array_equal(path.node_ids, expected["node_ids"])
    np.testing.assert_allclose(path.decoded, expected["decoded"], atol=1e-4)
