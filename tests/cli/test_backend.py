"""What the command line sets up before Keras is imported."""

import os
import subprocess
import sys

import pytest

from hiervae.cli.backend import program_folder


@pytest.fixture
def environment(monkeypatch, tmp_path):
    monkeypatch.delenv("HIERVAE_COMPILED", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_programs_are_kept_in_the_users_cache_folder(tmp_path):
    assert program_folder() == tmp_path / "hiervae" / "compiled"


def test_another_folder_can_be_named(environment, tmp_path):
    environment.setenv("HIERVAE_COMPILED", str(tmp_path / "elsewhere"))
    assert program_folder() == tmp_path / "elsewhere"


def test_none_are_kept_if_the_user_says_so(environment):
    environment.setenv("HIERVAE_COMPILED", "0")
    assert program_folder() is None


TRAINING = """
from hiervae.cli.backend import require_keras
require_keras()
import jax, numpy as np
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
hits = []
jax.monitoring.register_event_listener(lambda name, **_: hits.append(name))
import hiervae
model = hiervae.HierarchicalVAE(latent_dims=2, network="mlp", seed=0)
model.compile("adam", steps_per_execution=2)
model.fit(np.zeros((8, 4), "float32"), batch_size=2, verbose=0)
print("hits", sum(name.endswith("compilation_cache/cache_hits") for name in hits))
"""


@pytest.mark.backends("jax")
def test_a_second_process_finds_the_programs_of_the_first(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    environment["HIERVAE_COMPILED"] = str(tmp_path)

    def hits():
        done = subprocess.run(
            [sys.executable, "-c", TRAINING],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout.split("hits")[-1])

    first, second = hits(), hits()
    assert second > first + 5
    assert any(tmp_path.iterdir())
