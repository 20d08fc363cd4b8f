import math

import keras
import numpy as np
import pytest

from hiervae.runs import RunConfig, RunFolder
from hiervae.runs.callbacks import kept_row
from hiervae.runs.data import ExampleStream
from hiervae.runs.training import (
    build_model,
    constraint_bound,
    divergence,
    steps_per_execution,
    train,
)

CONFIG = RunConfig(
    preset=None,
    variant="paper",
    dataset={"name": "none", "options": {}},
    model={"latent_dims": 2, "network": {"name": "mlp", "hidden_units": (4,)}},
    optimizer={"class_name": "Adam", "config": {"learning_rate": 1e-3}},
    scheduler=None,
    training={
        "epochs": 5,
        "batch_size": 4,
        "early_stopping_patience": 1,
        "steps_per_execution": "auto",
    },
    seed=0,
)


class Watch(keras.callbacks.Callback):
    """Takes down the stream's epoch, and spoils the weights after the second."""

    def __init__(self, stream):
        super().__init__()
        self.stream = stream
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(self.stream.epoch)

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            for variable in self.model.trainable_variables:
                variable.assign(np.full(variable.shape, 3.0))


def test_training_goes_through_the_epochs_and_stops_early(tmp_path):
    folder = RunFolder(tmp_path)
    folder.create(CONFIG)
    examples = np.random.default_rng(0).integers(0, 2, (8, 6)).astype("float32")
    stream = ExampleStream(examples, 4, seed=0)
    model, watch = build_model(CONFIG, (6,)), Watch(stream)
    rows = train(folder, CONFIG, model, stream, examples, [], print, [watch])
    assert watch.epochs == [0, 1, 2]  # the spoilt third epoch uses up a patience of one
    assert [row["step"] for row in rows] == [2, 4, 6]
    assert train(folder, CONFIG, model, stream, examples, rows, print, [watch]) == rows
    assert watch.epochs == [0, 1, 2]


def test_steps_per_execution_suits_the_backend():
    on_torch = keras.backend.backend() == "torch"
    assert steps_per_execution("auto", 500) == (1 if on_torch else 20)
    assert steps_per_execution("auto", 3) == (1 if on_torch else 3)
    assert steps_per_execution(1, 3) == 1
    if on_torch:
        with pytest.raises(ValueError, match="the torch backend runs at most 1 step"):
            steps_per_execution(2, 500)
    else:
        assert steps_per_execution(2, 500) == 2


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        ({"name": "rewo", "kappa": 0.5}, 0.25 * 12),
        ({"name": "geco", "kappa": 0.5, "per_dimension": False}, 0.25),
        ({"name": "constant"}, None),
        (None, None),
    ],
)
def test_the_bound_is_in_total_nats(scheduler, expected):
    assert constraint_bound(scheduler, (3, 4)) == expected


ROW = {"epoch": 5, "step": 10, "beta": 1.0, "reconstruction": 4.0, "kl": 0.1, "loss": 4.1}
EXAMPLES = np.random.default_rng(0).integers(0, 2, (8, 6)).astype("float32")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"reconstruction": 8e21}, "at the end of epoch 5 reconstruction and KL are 8e+21 nats"),
        ({"kl": 8e21, "beta": 1e-3}, "8e+18 nats, with "),
        ({"reconstruction": 150.0}, "are 150.1 nats, with "),
        ({"reconstruction": math.nan}, "are nan nats; expected finite numbers"),
        ({"kl": math.inf}, "are inf nats; expected finite numbers"),
    ],
)
def test_a_run_that_ends_far_above_an_untrained_model_diverged(change, reason):
    stream = ExampleStream(EXAMPLES, 4, seed=0)
    assert reason in divergence(CONFIG, stream, [ROW, {**ROW, **change}], (6,))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"beta": 1e5, "loss": 1e6, "kl": 20.0},  # a rule that pays a high price
        {"beta": 1e-3, "kl": 3000.0},  # a warm-up
        {"reconstruction": 40.0},  # ten times the best epoch
        {"reconstruction": -1e6},  # a density may be high
        {"val_loss": 1e9},  # overfitting
    ],
)
def test_no_false_alarm(change):
    rows = [{**ROW, "beta": 1e-3, "loss": 0.5, "reconstruction": 0.5}, {**ROW, **change}]
    assert divergence(CONFIG, ExampleStream(EXAMPLES, 4, seed=0), rows, (6,)) is None


def test_the_kept_epoch_of_a_diverged_run_is_its_best():
    first, second = {**ROW, "phase": 0.0}, {**ROW, "phase": 0.0, "reconstruction": 9.0}
    assert kept_row([first, second]) is first
    assert kept_row([first, {**second, "val_loss": 1.0}])["val_loss"] == 1.0
    assert kept_row([first, {**second, "phase": 1.0, "val_loss": 99.0}])["val_loss"] == 99.0
    assert kept_row([{**first, "kl": math.nan}]) is None
