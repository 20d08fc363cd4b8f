"""A model saved on one backend has the same ELBO on every other."""

import keras
import numpy as np
import pytest

from tests.parity import cases


@pytest.mark.parametrize("saved_by", cases.BACKENDS)
def test_a_model_saved_elsewhere_has_the_elbo_it_had_there(saved_by):
    model = keras.models.load_model(cases.saved_file(saved_by))
    expected = np.load(cases.FIXTURES / f"elbo_{saved_by}.npy")
    np.testing.assert_allclose(cases.elbo_of(model), expected, rtol=1e-5)
    assert model.training_step == 4


@pytest.mark.parametrize("saved_by", cases.BACKENDS)
def test_a_model_saved_elsewhere_goes_on_training(saved_by):
    model = keras.models.load_model(cases.saved_file(saved_by))
    history = model.fit(cases.X, batch_size=8, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    assert model.training_step == 6
