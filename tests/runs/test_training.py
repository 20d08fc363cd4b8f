import copy
import math
import re
from dataclasses import replace

import keras
import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.presets import get
from hiervae.runs import RunConfig, RunFolder
from hiervae.runs.callbacks import kept_row
from hiervae.runs.config import TRAINING_DEFAULTS
from hiervae.runs.example_stream import ExampleStream
from hiervae.runs.training import (
    adapt,
    build_model,
    constraint_bound,
    divergence,
    match_schedule,
    steps_per_execution,
    train,
    unfinished_phase,
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


def test_parts_that_want_examples_see_those_that_fit_would_give():
    model = {**CONFIG.model, "prior": {"name": "vamp_data", "num_components": 3}}
    config = replace(CONFIG, model=model)
    examples = np.random.default_rng(0).random((8, 6)).round().astype("float32")
    kept = []
    for beforehand in (False, True):
        model, stream = build_model(config, (6,)), ExampleStream(examples, 4, seed=0)
        if beforehand:
            adapt(model, stream)
            assert not model.needs_adapting()
        model.fit(stream, epochs=1, verbose=0)
        kept.append([keras.ops.convert_to_numpy(weight) for weight in model.weights])
    for expected, found in zip(*kept, strict=True):
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(DataError, match="num_components=3"):
        adapt(build_model(config, (6,)), ExampleStream(examples[:2], 4, seed=0))


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
        ({"name": "rewo", "kappa": "auto"}, None),
        (None, None),
    ],
)
def test_the_bound_is_in_total_nats(scheduler, expected):
    assert constraint_bound(scheduler, (3, 4)) == expected


def test_a_schedule_in_epochs_is_told_how_many_steps_they_have():
    optimizer = get("iwae_2", "static_mnist").optimizer
    before = copy.deepcopy(optimizer)
    training = {**TRAINING_DEFAULTS, "epochs": 3, "batch_size": 20}
    matched = match_schedule(optimizer, training, num_examples=101)
    assert optimizer == before
    assert matched["config"]["learning_rate"]["config"]["steps_per_epoch"] == 6
    matched["config"]["learning_rate"]["config"]["steps_per_epoch"] = 2500
    assert matched == before
    model = build_model(replace(CONFIG, optimizer=match_schedule(optimizer, training, 40)), (6,))
    model.fit(EXAMPLES, batch_size=4, verbose=0)
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3 * 10 ** (-1 / 7))
    decay = {"class_name": "ExponentialDecay", "config": {"decay_steps": 3}}
    for other in (
        CONFIG.optimizer,
        {"class_name": "Adam"},
        {"class_name": "Adam", "config": {"learning_rate": decay}},
    ):
        assert match_schedule(other, training, 101) is other


def test_a_rate_that_decays_ends_at_zero_with_the_last_step():
    optimizer = {"class_name": "SGD", "config": {"learning_rate": 0.5}}
    before = copy.deepcopy(optimizer)
    training = {**CONFIG.training, "batch_size": 16, "learning_rate_decay": "cosine", "epochs": 4}
    matched = match_schedule(optimizer, training, len(EXAMPLES))
    assert optimizer == before
    assert match_schedule(matched, training, len(EXAMPLES)) == matched, "when the run goes on"
    model = build_model(replace(CONFIG, optimizer=matched), (6,))
    rates = []
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: rates.append(float(model.optimizer.learning_rate))
    )
    model.fit(EXAMPLES, batch_size=16, epochs=4, verbose=0, callbacks=[note])
    expected = 0.25 * (1.0 + np.cos(np.pi * np.array([1, 2, 3, 4]) / 4))
    np.testing.assert_allclose(rates, expected, atol=1e-7)
    staged = get("iwae", "static_mnist").optimizer
    with pytest.raises(ValueError, match="expected the number that it falls from"):
        match_schedule(staged, training, len(EXAMPLES))


def test_a_run_in_its_initial_phase_is_told_what_to_change():
    rule = {"name": "rewo", "kappa": 0.6, "beta": 0.01}
    row = {"step": 40.0, "beta": 0.01, "constraint": 6.0, "phase": 0.0}
    config = replace(CONFIG, scheduler=rule)
    said = unfinished_phase(config, [{**row, "phase": 1.0}, row], (3, 4))
    assert said.startswith("The initial phase of REWO did not end after 40 steps: ")
    assert "6 nats and did not fall below the bound, 4.32 nats (kappa 0.6), so beta" in said
    assert "beta stayed at 0.01" in said
    enough = float(re.search(r"kappa=(\S+) would have been met", said).group(1))
    assert 6.0 < 12 * enough**2 < 6.0 * 1.05
    assert unfinished_phase(config, [row, {**row, "phase": 1.0}], (3, 4)) is None
    total = {**rule, "kappa": 2.0, "per_dimension": False}
    said = unfinished_phase(replace(CONFIG, scheduler=total), [row], (3, 4))
    assert "the bound, 4 nats (kappa 2)" in said
    assert "kappa=2.5 would have been met" in said


def test_a_bound_that_was_not_measured_or_not_met_is_said():
    rule = {"name": "rewo", "kappa": "auto", "beta": 0.01, "calibration_steps": 50}
    row = {"step": 40.0, "beta": 1.0, "constraint": 6.0, "phase": 0.0}
    config = replace(CONFIG, scheduler=rule)
    said = unfinished_phase(config, [row], (12,))
    assert "still being measured, so beta was 1" in said
    assert "fewer than 50 steps: calibration_steps" in said
    said = unfinished_phase(config, [{**row, "step": 51.0}], (12,))
    assert "6 nats and did not fall below 0.95 of the error that was measured" in said
    for other in (None, {"name": "geco", "kappa": 0.1}, {"name": "linear_warmup", "epochs": 9}):
        assert unfinished_phase(replace(CONFIG, scheduler=other), [row], (12,)) is None


ROW = {"epoch": 5, "step": 10, "beta": 1.0, "reconstruction": 4.0, "kl": 0.1, "loss": 4.1}
EXAMPLES = np.random.default_rng(0).integers(0, 2, (8, 6)).astype("float32")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"reconstruction": 8e21}, "at the end of epoch 5 reconstruction and KL are 8e+21 nats"),
        ({"kl": 8e21, "beta": 1e-3}, "8e+18 nats, with "),
        ({"reconstruction": 250.0}, "are 250.1 nats, with "),
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
