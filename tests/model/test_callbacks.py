"""Keras' own callbacks beside a beta rule."""

import keras
import numpy as np
import pytest

from hiervae.callbacks import BetaController
from tests.support.models import binary_data, compiled, rewo, small_model, weights_of

X, X_VALID = binary_data(24), binary_data(12, seed=1)
OPTIONS = {"kappa": 0.82, "alpha": 0.5}


def new_model(learning_rate=0.05):
    return compiled(small_model(), keras.optimizers.SGD(learning_rate, momentum=0.9))


def fit(model, callbacks, epochs=4):
    return model.fit(
        X,
        batch_size=8,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        validation_data=(X_VALID,),
        callbacks=[rewo(**OPTIONS), *callbacks],
    ).history


def test_early_stopping_restores_the_best_weights():
    model = new_model(learning_rate=1.5)
    stopper = keras.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True)
    losses = fit(model, [stopper], epochs=40)["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 4 < 40, "training did not stop early"
    found = model.evaluate(X_VALID, batch_size=8, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(losses[best], rel=1e-5)
    assert found["loss"] != pytest.approx(losses[-1], rel=1e-5)
    assert model.training_step == 3 * len(losses), "steps that were taken count"
    phase = model.control_values()["phase"]
    model.fit(X, batch_size=8, verbose=0, callbacks=[rewo(**OPTIONS)])
    assert model.training_step == 3 * len(losses) + 3
    assert model.control_values()["phase"] >= phase


@pytest.mark.compiles(1)
@pytest.mark.parametrize("method", ["evaluate", "predict"])
def test_a_controller_has_no_place_outside_fit(method):
    model = new_model()
    fit(model, [], epochs=1)
    before = model.control_values()
    controller = BetaController("constant", beta=0.01)
    container = keras.callbacks.CallbackList([controller])
    for callbacks in (controller, [controller], container):
        with pytest.raises(ValueError, match=rf"{method}\(\) received a BetaController.*of `fit`"):
            getattr(model, method)(X, callbacks=callbacks, verbose=0)
    assert model.control_values() == before
    assert model.fit(X, verbose=0).history["beta"] == [1.0]


def test_checkpoints_can_be_loaded(tmp_path):
    model = new_model()
    saver = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", save_freq="epoch")
    losses = fit(model, [saver], epochs=2)["val_loss"]
    for epoch, loss in enumerate(losses, start=1):
        loaded = keras.models.load_model(tmp_path / f"{epoch}.keras")
        assert loaded.training_step == 3 * epoch
        found = loaded.evaluate(X_VALID, batch_size=8, verbose=0, return_dict=True)
        assert found["loss"] == pytest.approx(loss, rel=1e-5)


class Crash(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise ConnectionError


def test_backup_and_restore_resumes_to_the_identical_state(tmp_path):
    whole = new_model()
    logs = fit(whole, [])
    assert (logs["phase"][0], logs["phase"][-1]) == (0.0, 1.0), "no change of phase on the way"
    with pytest.raises(ConnectionError):
        fit(new_model(), [keras.callbacks.BackupAndRestore(tmp_path / "backup"), Crash()])
    resumed = new_model()
    late = fit(resumed, [keras.callbacks.BackupAndRestore(tmp_path / "backup")])
    assert len(late["loss"]) == 2
    for name, values in logs.items():
        assert late[name] == pytest.approx(values[2:], rel=1e-5, abs=1e-6), name
    for one, other in zip(weights_of(resumed).values(), weights_of(whole).values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
    for one, other in zip(resumed.optimizer.variables, whole.optimizer.variables, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other), rtol=1e-6, atol=1e-7
        )
    assert resumed.control_values() == pytest.approx(whole.control_values(), rel=1e-6)
    assert resumed.training_step == whole.training_step == 12


def test_callbacks_may_be_one_or_a_list_object():
    model = new_model()
    for callbacks in (rewo(**OPTIONS), (rewo(**OPTIONS),)):
        model.fit(X, batch_size=8, verbose=0, callbacks=callbacks)
    container = keras.callbacks.CallbackList([rewo(**OPTIONS)], add_history=True, model=model)
    model.fit(X, batch_size=8, verbose=0, callbacks=container)
    assert model.training_step == 9


def test_training_is_the_same_with_and_without_validation():
    """Evaluation draws from a generator of its own."""
    ends = []
    for validation in (None, (X_VALID,)):
        model = new_model()
        model.fit(X, batch_size=8, epochs=2, shuffle=False, verbose=0, validation_data=validation)
        ends.append(model.get_weights())
    for one, other in zip(*ends, strict=True):
        if one.dtype.kind == "f":
            np.testing.assert_array_equal(one, other)
