"""Saving, loading and resuming."""

import json
import subprocess
import sys
import textwrap
import zipfile

import keras
import numpy as np
import pytest

import hiervae
from hiervae.networks import KerasLayers
from tests.support.models import binary_data, compiled, rewo, small_model, vhp

X = binary_data(16)
OPTIONS = {"kappa": 0.82, "alpha": 0.5}


def fit(model, epochs):
    """Two steps an epoch under REWO, whose initial phase ends on the way."""
    return model.fit(
        X, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=[rewo(**OPTIONS)]
    ).history


def new_model():
    return compiled(small_model(latent_dims=(3, 2), prior=vhp()), keras.optimizers.Adam(0.15))


def assert_equal_variables(found, expected):
    assert [v.path for v in found.optimizer.variables] != []
    pairs = [(found.variables, expected.variables)]
    pairs += [(found.optimizer.variables, expected.optimizer.variables)]
    for ours, theirs in pairs:
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(
                keras.ops.convert_to_numpy(one),
                keras.ops.convert_to_numpy(other),
                rtol=1e-6,
                atol=1e-7,
                err_msg=one.path,
            )


@pytest.fixture(scope="module")
def halfway(tmp_path_factory):
    """A model after two epochs, and its file."""
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    model = new_model()
    fit(model, 2)
    model.save(path)
    return model, path


def test_resumed_training_is_the_uninterrupted_one(halfway):
    whole = new_model()
    logs = fit(whole, 4)
    assert logs["phase"][0] == 0.0
    assert logs["phase"][-1] == 1.0, "the run shows no change of phase"
    resumed = keras.models.load_model(halfway[1])
    late = fit(resumed, 2)
    for name, values in logs.items():
        assert late[name] == pytest.approx(values[2:], rel=1e-5, abs=1e-6), name
    assert_equal_variables(resumed, whole)
    assert resumed.training_step == 8


def test_everything_is_restored(halfway):
    model, path = halfway
    loaded = keras.models.load_model(path)
    names = [v.name for v in loaded.variables]
    assert "seed_generator_state" in names
    assert_equal_variables(loaded, model)
    assert loaded.get_config() == model.get_config()
    assert loaded.control_values() == model.control_values()
    np.testing.assert_array_equal(loaded.elbo(X, seed=3), model.elbo(X, seed=3))
    assert loaded.optimizer.get_config() == model.optimizer.get_config()


def test_weights_alone_can_be_saved(halfway, tmp_path):
    model, _ = halfway
    model.save_weights(tmp_path / "model.weights.h5")
    other = new_model()
    other.build((None, X.shape[1]))
    other.optimizer.build(other.trainable_variables)
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other.elbo(X, seed=3), model.elbo(X, seed=3))


def test_a_fresh_process_needs_only_the_package(halfway, tmp_path):
    model, path = halfway
    np.save(tmp_path / "x.npy", X)
    script = f"""
        import sys
        import numpy as np
        import hiervae
        keras = sys.modules["keras"]
        model = keras.models.load_model({str(path)!r})
        assert type(model) is hiervae.HierarchicalVAE
        print(repr(model.elbo(np.load({str(tmp_path / "x.npy")!r}), seed=3).tolist()))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.strip().splitlines()[-1])
    np.testing.assert_allclose(found, model.elbo(X, seed=3), rtol=1e-5)


def test_config_is_json_and_rebuilds_the_model(halfway):
    model, _ = halfway
    config = json.loads(json.dumps(model.get_config()))
    clone = hiervae.HierarchicalVAE.from_config(config)
    assert clone.get_config() == model.get_config()
    clone.build((None, X.shape[1]))
    clone.set_weights(model.get_weights())
    np.testing.assert_allclose(clone.elbo(X, seed=3), model.elbo(X, seed=3), rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"num_samples": 3, "bound": "importance_weighted", "kl": "monte_carlo"},
        {"likelihood": {"name": "gaussian", "variance": "learned"}, "dtype": "mixed_bfloat16"},
        {"likelihood": {"name": "gaussian", "variance": "predicted"}, "name": "mine"},
        {"likelihood": {"name": "bernoulli", "allow_probabilities": True}, "seed": None},
        {"network": {"name": "gated_mlp", "hidden_units": ((5, 4), (3,))}, "latent_dims": (3, 2)},
        {"inference": {"name": "bottom_up", "log_variance_bounds": (-3.0, 1.0)}},
        {
            "network": KerasLayers(
                keras.Sequential([keras.layers.Dense(4, "tanh")]), keras.layers.Dense(5, "relu")
            )
        },
    ],
    ids=lambda options: next(iter(options)),
)
def test_compositions_survive_a_file(options, tmp_path):
    model = small_model(**options)
    model.build((None, X.shape[1]))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(loaded.encode(X)[-1], model.encode(X)[-1])


def test_a_damaged_file_gives_an_error_and_no_model(halfway, tmp_path):
    path = tmp_path / "model.keras"
    content = halfway[1].read_bytes()
    half = len(content) // 2
    overwritten = content[: half - 200] + b"\xff" * 400 + content[half + 200 :]
    for damaged in (content[:half], overwritten, b"", b"not a model"):
        path.write_bytes(damaged)
        with pytest.raises((ValueError, OSError, KeyError, zipfile.BadZipFile)):
            keras.models.load_model(path)


def test_a_missing_plugin_is_named(halfway, tmp_path):
    """The file says which distribution and version had it."""
    changed = tmp_path / "model.keras"
    with zipfile.ZipFile(halfway[1]) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                config = json.loads(data)
                record = config["config"]["prior"]
                record.update(name="flow", distribution="hiervae-flows", version="1.2")
                data = json.dumps(config).encode()
            target.writestr(name, data)
    with pytest.raises(Exception, match="flow") as error:
        keras.models.load_model(changed)
    assert "hiervae-flows" in str(error.value)
    assert "1.2" in str(error.value)


def test_a_loaded_model_without_a_seed_goes_on_in_the_same_order(tmp_path):
    def begun(epochs):
        keras.utils.set_random_seed(1)
        model = compiled(small_model(seed=None))
        model.fit(X, batch_size=8, epochs=epochs, verbose=0)
        return model

    whole, half = begun(2), begun(1)
    half.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.working_seed == half.working_seed
    assert loaded.seed is None
    loaded.fit(X, batch_size=8, verbose=0)
    for one, other in zip(whole.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
