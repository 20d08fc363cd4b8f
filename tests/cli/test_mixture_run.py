"""A run whose prior is a mixture of the posteriors of pseudo-inputs."""

import numpy as np
import pytest

from hiervae import cli
from hiervae.runs.folder import RunFolder

pytestmark = pytest.mark.compiles(0)

PRIOR = '--set=model.prior={"name": "vamp", "num_components": 4, "initialize": "data"}'


@pytest.fixture(scope="module")
def mixture_run(tmp_path_factory, small):
    out = tmp_path_factory.mktemp("runs") / "mixture"
    settings = [entry for entry in small if "model.prior" not in entry]
    assert cli.main(["train", "--out", str(out), *settings, PRIOR]) == 0
    return out


def test_training_draws_the_pseudo_inputs(mixture_run):
    assert (mixture_run / "figures" / "pseudo_inputs.png").stat().st_size > 1000


def test_samples_of_one_component(hiervae, mixture_run, tmp_path):
    arrays = []
    for component in (0, 3):
        file = tmp_path / f"{component}.npy"
        options = ("--num", 40, "--component", component, "--npy", file, "--json")
        outcome = hiervae("sample", mixture_run, *options)
        assert outcome.record["component"] == component
        assert outcome.record["figures"] == [f"samples_seed_0_component_{component}_num_40.png"]
        arrays.append(np.load(file))
    model = RunFolder(mixture_run).load_model()
    expected = model.generate(model.sample_prior(40, seed=0, component=3))
    np.testing.assert_allclose(arrays[1], expected, rtol=1e-5, atol=1e-6)
    assert not np.allclose(arrays[0], arrays[1], atol=1e-3)


def test_a_component_that_is_not_there(hiervae, mixture_run, run):
    for folder, message in ((mixture_run, "from 0 to 3"), (run, "has no components")):
        outcome = hiervae("sample", folder, "--component", 4)
        assert outcome.status == 2
        assert message in outcome.error
    assert "a whole number from 0" in hiervae("sample", run, "--component", -1).err
