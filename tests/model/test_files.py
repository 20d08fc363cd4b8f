"""Files that could not be loaded are not written, and files that cannot be built are refused."""

import json
import zipfile

import keras
import numpy as np
import pytest

from tests.support.models import binary_data, compiled, small_model

X = binary_data(16)


@pytest.fixture(scope="module")
def model():
    model = compiled(small_model())
    model.build((None, X.shape[1]))
    return model


@pytest.mark.parametrize("name", ["m.h5", "m.hdf5", "M.H5"])
def test_the_old_format_is_refused(model, name, tmp_path):
    with pytest.raises(ValueError, match=r"expected a path that ends in '\.keras'"):
        model.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_the_old_format_is_refused_from_keras_itself(model, tmp_path):
    with pytest.raises(ValueError, match=r"expected a path that ends in '\.keras'"):
        keras.saving.save_model(model, tmp_path / "m.h5")


def test_weights_alone_are_saved_as_ever(model, tmp_path):
    model.save_weights(tmp_path / "m.weights.h5")
    other = small_model(seed=5)
    other.build((None, X.shape[1]))
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(other.encode(X)[0], model.encode(X)[0])


def test_a_loaded_model_is_quantised_and_then_not_saved(model, tmp_path):
    path = tmp_path / "m.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    exact = loaded.encode(X)[0]
    loaded.quantize("int8")
    rough = loaded.encode(X)[0]
    assert not np.array_equal(rough, exact), "the functions compiled before went on"
    np.testing.assert_allclose(rough, exact, atol=0.1)
    with pytest.raises(ValueError, match="Save the model before you quantise it"):
        loaded.save(path)
    with pytest.raises(ValueError, match="Save the model before you quantise it"):
        loaded.save_weights(tmp_path / "m.weights.h5")


def test_a_model_without_weights_is_not_quantised():
    with pytest.raises(ValueError, match="isn't yet built"):
        small_model().quantize("int8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inference": "top_down"}, "one level"),
        ({"latent_dims": [10**9]}, "expected levels of at most"),
    ],
)
def test_a_file_that_cannot_be_built_is_refused(model, change, message, tmp_path):
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(entries["config.json"])
    if "inference" in change:
        config["config"]["inference"]["name"] = change["inference"]
    else:
        config["config"].update(change)
    entries["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    with pytest.raises((ValueError, TypeError), match=message):
        keras.models.load_model(tmp_path / "bad.keras")
