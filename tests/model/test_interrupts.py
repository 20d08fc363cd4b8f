"""Ctrl-C waits for the end of a step, and leaves the model as that left it."""

import signal

import keras
import numpy as np
import pytest

from tests.support.models import binary_data, compiled, small_model

X = binary_data(24)


class PressAt(keras.callbacks.Callback):
    """Ctrl-C in the middle of the work: while the noise of a step is drawn, or after a batch."""

    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.batch:
            signal.raise_signal(signal.SIGINT)

    on_test_batch_end = on_predict_batch_end = on_train_batch_end


@pytest.fixture(autouse=True)
def handler():
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, previous)


def fit(model, **options):
    model.fit(X, batch_size=4, shuffle=False, verbose=0, **options)


def test_training_stops_after_a_whole_step(capsys):
    model, reference = compiled(small_model()), compiled(small_model())
    with pytest.raises(KeyboardInterrupt):
        fit(model, epochs=3, callbacks=[PressAt(1)])
    assert model.training_step == 2
    assert "stopping after this step" in capsys.readouterr().err
    reference.fit(X[:8], batch_size=4, shuffle=False, verbose=0)
    for found, expected in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    fit(model)
    assert model.training_step == 8


@pytest.mark.parametrize("name", ["evaluate", "predict"])
def test_other_passes_leave_the_weights_alone(name):
    model = compiled(small_model())
    fit(model)
    before = model.get_weights()
    with pytest.raises(KeyboardInterrupt):
        getattr(model, name)(X, batch_size=4, verbose=0, callbacks=[PressAt(1)])
    for found, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert np.isfinite(model.elbo(X, seed=0)).all()


def test_validation_is_left_too():
    model = compiled(small_model())

    class InValidation(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(model, epochs=2, validation_data=(X,), callbacks=[InValidation()])
    assert model.training_step == 6
    fit(model)


def test_scoring_stops_between_batches():
    model = compiled(small_model())
    model.build((None, 6))
    done = []

    def progress(number):
        done.append(number)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        model.score(X, 5, batch_size=4, verbose=0, progress=progress)
    assert done == [4]
    assert np.isfinite(model.elbo(X, seed=0)).all()
