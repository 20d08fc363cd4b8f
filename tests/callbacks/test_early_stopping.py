"""Early stopping does not see the epochs of a warm-up."""

import keras
import numpy as np
import pytest

from hiervae.callbacks import BetaController, EarlyStopping
from hiervae.runs.callbacks import has_stopped
from tests.support.models import binary_data, compiled, small_model

X, X_VALID = binary_data(24), binary_data(12, seed=1)


class Recorder:
    """A model that is a number: that of its last epoch."""

    def __init__(self):
        self.stop_training = False
        self.weights = None

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def trace(losses, phases=None, **options):
    """Number of epochs run, and the epoch whose weights are left (both from 1)."""
    model = Recorder()
    callback = EarlyStopping("val_loss", mode="min", **options)
    callback.set_model(model)
    callback.on_train_begin()
    epoch = 0
    for epoch, loss in enumerate(losses):
        model.weights = epoch + 1
        logs = {"val_loss": loss}
        if phases is not None:
            logs["phase"] = phases[epoch]
        callback.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    callback.on_train_end()
    return epoch + 1, model.weights


BEST = {"restore_best_weights": True}


@pytest.mark.parametrize(
    ("losses", "phases", "options", "expected"),
    [
        # As Keras without phases, or in the main phase.
        ([3, 2, 4, 5, 1], None, {"patience": 2}, (4, 4)),
        ([3, 2, 4, 5, 1], [1.0] * 5, {"patience": 2, **BEST}, (4, 2)),
        # A warm-up neither counts ...
        ([1, 2, 3, 4, 5, 6], [0, 0, 0, 1, 1, 1], {"patience": 2}, (6, 6)),
        # ... nor gives the best weights, though its loss is lower.
        ([1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 1, 1, 1, 1], {"patience": 2, **BEST}, (6, 4)),
        ([1, 9, 8, 7, 8], [0, 0, 1, 1, 1], {"patience": 9, **BEST}, (5, 4)),
        ([1, 2, 3], [0, 0, 0], {"patience": 1, **BEST}, (3, 3)),
        # The options of Keras pass through.
        ([4, 3.9, 3.8, 3], [1, 1, 1, 1], {"patience": 2, "min_delta": 0.5}, (3, 3)),
        ([1, 9, 8, 8.5, 9], [0, 0, 1, 1, 1], {"patience": 2, "baseline": 5}, (4, 4)),
        ([1, 1, 1, 2, 2], [0, 1, 1, 1, 1], {"patience": 1, "start_from_epoch": 3}, (5, 5)),
    ],
)
def test_traces(losses, phases, options, expected):
    assert trace(losses, phases, **options) == expected


def test_the_command_line_decides_alike():
    rng = np.random.default_rng(0)
    lengths = set()
    for _ in range(200):
        losses = rng.integers(0, 6, 12).astype(float)
        phases = [float(epoch >= rng.integers(0, 6)) for epoch in range(12)]
        patience = int(rng.integers(1, 5))
        rows = [
            {"epoch": i + 1, "val_loss": loss, "phase": phase}
            for i, (loss, phase) in enumerate(zip(losses, phases))
        ]
        length = next((n for n in range(1, 13) if has_stopped(rows[:n], patience)), 12)
        assert trace(losses, phases, patience=patience)[0] == length
        lengths.add(length)
    assert len(lengths) > 8


@pytest.mark.parametrize("monitor", ["val_elbo", "elbo"])
def test_the_elbo_is_to_rise(monitor):
    model = Recorder()
    callback = EarlyStopping(monitor, patience=2, restore_best_weights=True)
    callback.set_model(model)
    for _ in range(2):  # a callback may be used again
        callback.on_train_begin()
        model.stop_training = False
        for epoch, elbo in enumerate([-9.0, -5.0, -6.0, -7.0, -1.0]):
            model.weights = epoch
            callback.on_epoch_end(epoch, {monitor: elbo})
            if model.stop_training:
                break
        callback.on_train_end()
        assert (epoch, model.weights) == (3, 1)


def test_a_direction_that_is_given_counts():
    assert EarlyStopping("val_elbo", mode="min").mode == "min"
    model = compiled(small_model())
    with pytest.raises(ValueError, match="Pass `mode='max'`"):
        model.fit(X, verbose=0, callbacks=[EarlyStopping("kl")])


def test_in_a_fit_with_a_warm_up():
    model = compiled(small_model(), keras.optimizers.SGD(1.5, momentum=0.9))
    stopping = EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    logs = model.fit(
        X,
        batch_size=8,
        epochs=60,
        shuffle=False,
        verbose=0,
        validation_data=(X_VALID,),
        callbacks=[BetaController("linear_warmup", epochs=6), stopping],
    ).history
    assert logs["phase"][:6] == [0.0] * 5 + [1.0]
    losses = logs["val_loss"]
    main = losses[5:]
    best = 5 + int(np.argmin(main))
    assert len(losses) == best + 3 < 60, "training did not stop early"
    assert min(losses[:5]) < min(main), "the warm-up would not have been chosen anyway"
    found = model.evaluate(X_VALID, batch_size=8, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(losses[best], rel=1e-5)
    assert model.training_step == 3 * len(losses), "steps taken, not those of the best epoch"
