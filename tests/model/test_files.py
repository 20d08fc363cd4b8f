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


@pytest.fixture
def changed(tmp_path):
    """Save a model, change its file's config.json, and return the path."""

    def save(model, change):
        model.save(tmp_path / "m.keras")
        with zipfile.ZipFile(tmp_path / "m.keras") as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(entries["config.json"])
        change(config)
        entries["config.json"] = json.dumps(config).encode()
        with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
            for name, data in entries.items():
                archive.writestr(name, data)
        return tmp_path / "bad.keras"

    return save


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda model: model["inference"].update(name="top_down"), "one level"),
        (lambda model: model.update(latent_dims=[10**9]), "expected levels of at most"),
    ],
)
def test_a_file_that_cannot_be_built_is_refused(model, change, message, changed):
    path = changed(model, lambda config: change(config["config"]))
    with pytest.raises((ValueError, TypeError), match=message):
        keras.models.load_model(path)


@pytest.mark.filterwarnings("ignore:You are saving a model that has not yet been built")
def test_a_trained_model_without_its_shape_is_refused(changed):
    model = compiled(small_model())
    path = changed(model, lambda config: config.pop("build_config", None))
    assert not keras.models.load_model(path).built
    model.fit(binary_data(8), verbose=0)
    path = changed(model, lambda config: config.pop("build_config"))
    loaded = keras.models.load_model(path)
    for use in (loaded.encode, loaded.elbo, loaded.predict):
        with pytest.raises(ValueError, match="trained for 1 steps, .* weights were not loaded"):
            use(X)
