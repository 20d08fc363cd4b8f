"""What Keras is set to globally does not change what a model computes that is there already."""

import keras
import numpy as np
import pytest

from tests.support.models import compiled, small_model

RNG = np.random.default_rng(0)
RGB = (RNG.random((4, 6, 5, 3)) < 0.5).astype("float32")
MLP = {"name": "mlp", "hidden_units": (5,)}
CONV = {
    "name": "conv",
    "encoder_layers": ((4, 3, 2),),
    "decoder_layers": ((4, 3, 2),),
    "hidden_units": (5,),
    "decoder_channels": 4,
}
PIXELCNN = {"name": "pixelcnn", "num_layers": 2, "num_filters": 4}
NORMALISED = {"name": "gated_mlp", "hidden_units": (5,), "batch_norm": True}
VAMP = {"name": "vamp", "num_components": 3}
CASES = {
    "mlp": {"network": MLP},
    "conv": {"network": CONV},
    "pixelcnn": {"network": MLP, "likelihood": PIXELCNN},
    "vamp": {"network": NORMALISED, "prior": VAMP},
}


@pytest.fixture(autouse=True)
def _usual_settings():
    yield
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")


def use(setting):
    if setting == "channels_first":
        keras.config.set_image_data_format(setting)
    else:
        keras.config.set_floatx(setting)


@pytest.mark.compiles(1)
@pytest.mark.parametrize("case", CASES)
def test_a_saved_model_computes_the_same_under_another_image_format(case, tmp_path):
    model = small_model(**CASES[case])
    model.build((None, *RGB.shape[1:]))
    model.save(tmp_path / "m.keras")
    expected = model.encode(RGB)[0], model.predict(RGB, verbose=0), model.sample(2, seed=0)
    use("channels_first")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    found = loaded.encode(RGB)[0], loaded.predict(RGB, verbose=0), loaded.sample(2, seed=0)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.compiles(2)
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype float64")  # JAX has none
@pytest.mark.parametrize("setting", ["channels_first", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_a_model_is_made_trained_and_drawn_from(case, setting):
    use(setting)
    model = compiled(small_model(**CASES[case]))
    weights = np.ones(len(RGB))
    assert np.isfinite(model.fit(RGB, sample_weight=weights, verbose=0).history["loss"]).all()
    assert model.sample(2).shape == model.predict(RGB[:2], verbose=0).shape == (2, *RGB.shape[1:])


@pytest.mark.backends("tensorflow")
@pytest.mark.parametrize("likelihood", ["bernoulli", "discretized_logistic", PIXELCNN])
def test_a_tool_that_looks_for_infinities_finds_none(likelihood):
    tensorflow = pytest.importorskip("tensorflow")
    tensorflow.debugging.enable_check_numerics()
    try:
        model = compiled(small_model(network=MLP, likelihood=likelihood))
        model.fit(RGB, sample_weight=np.ones(len(RGB)), verbose=0)
        assert np.isfinite(model.elbo(RGB)).all()
    finally:
        tensorflow.debugging.disable_check_numerics()
