"""Training in a run folder, from the start or from a checkpoint."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
from numpy.typing import NDArray

from hiervae.backend import DEFAULT_STEPS_PER_EXECUTION, MAX_STEPS_PER_EXECUTION
from hiervae.callbacks.beta_controller import BetaController
from hiervae.model import HierarchicalVAE
from hiervae.model.sources import take_examples
from hiervae.runs.callbacks import EarlyStop, History, has_stopped, score_of
from hiervae.runs.checkpoints import Checkpoints, latest_in, rows_of
from hiervae.runs.config import TRAINING_DEFAULTS, RunConfig
from hiervae.runs.example_stream import ExampleStream
from hiervae.runs.folder import RunFolder
from hiervae.runs.history import Row, read_history, write_history
from hiervae.runs.initial_weights import take_weights
from hiervae.runs.model_file import load_model
from hiervae.types import Config, Shape

START = "initial_learning_rate"

DIVERGENCE_FACTOR = 10.0
"""How many times worse than an untrained model a model of a run that diverged is."""


def build_model(config: RunConfig, event_shape: Shape) -> HierarchicalVAE:
    """Return the model that a run begins with, built for examples of shape `event_shape`.

    Raises:
        ValueError: if an option is wrong, or the initial weights do not fit.
        RegistryError: if a part cannot be found or resolved.
        HiervaeError: if there are no such initial weights.
    """
    model = HierarchicalVAE(**config.model, seed=config.seed)
    model.compile(optimizer=_build_optimizer(config.optimizer))
    model.build((None, *event_shape))
    if (source := config.training.get("initial_weights")) is not None:
        take_weights(model, Path(source))
    return model


def _build_optimizer(spec: Config) -> keras.optimizers.Optimizer:
    try:
        # A copy: Keras puts the class name into lower case in the config it is given.
        return keras.optimizers.get(copy.deepcopy(spec))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"The optimiser {spec['class_name']!r} cannot be made ({error}); expected one of Keras "
            "with options it has. Set them by --set optimizer.class_name=Adam and "
            "--set optimizer.config.learning_rate=0.001, for instance."
        ) from error


def match_schedule(optimizer: Config, training: Config, num_examples: int) -> Config:
    """Return the optimiser with a learning rate that is told how many steps the training has.

    With `learning_rate_decay` its number becomes the start of a schedule over all epochs. Otherwise
    it concerns schedules that count in epochs, which have an entry `steps_per_epoch`, such as
    `hiervae.optimizers.StagedDecay`; every other optimiser is returned as it is.

    Args:
        optimizer: serialised config.
        training: settings of the training.
        num_examples: to train on.

    Raises:
        ValueError: if a rate that is to decay is no number.
    """
    steps = math.ceil(num_examples / training["batch_size"])
    rate = optimizer.get("config", {}).get("learning_rate")
    schedule = rate.get("config") if isinstance(rate, dict) else None
    if training["learning_rate_decay"] == "cosine":
        initial = rate
        if isinstance(schedule, dict) and schedule.keys() == {START, "decay_steps"}:
            initial = schedule[START]  # of a run that goes on
        if not isinstance(initial, (int, float)):
            raise ValueError(
                f"learning_rate_decay='cosine' beside a learning rate of {rate!r}; expected the "
                "number that it falls from. Give one, such as --learning-rate 0.002."
            )
        rate = {
            "module": "keras.optimizers.schedules",
            "class_name": "CosineDecay",
            "config": {
                START: float(initial),
                "decay_steps": steps * training["epochs"],
            },
        }
    elif isinstance(schedule, dict) and "steps_per_epoch" in schedule:
        rate = {**rate, "config": {**schedule, "steps_per_epoch": steps}}
    else:
        return optimizer
    return {**optimizer, "config": {**optimizer["config"], "learning_rate": rate}}


def adapt(model: HierarchicalVAE, stream: ExampleStream) -> None:
    """Initialise from training examples the parts that want it, as `fit` would do later.

    Raises:
        DataError: if there are too few examples for a part, or it cannot use them.
    """
    if model.needs_adapting():
        model.adapt(take_examples(stream, model.num_examples_wanted()))


def describe_parts(model: HierarchicalVAE) -> Config:
    """Describe the model's parts as the registry does, with the distributions they are from."""
    return model.part_records()


def continue_run(
    folder: RunFolder,
    config: RunConfig,
    event_shape: Shape,
    note: Callable[[str], None] | None = None,
) -> Any:
    """Load the model of an interrupted run and the history that led to it.

    The checkpoint holds the history too, so `history.csv` is written anew if it is not whole.

    Args:
        folder: the run's folder.
        config: its settings.
        event_shape: shape of an example.
        note: told in one line of checkpoints that cannot be used; None warns of them.

    Returns:
        The model and a list of rows; a new model and no rows where nothing was kept yet.

    Raises:
        DamagedFileError: if an older version wrote the checkpoint, and the history is damaged.
    """
    checkpoint = latest_in(folder, note)
    if checkpoint is None:
        return build_model(config, event_shape), []
    model = load_model(checkpoint.path)
    if checkpoint.state is None:
        return model, read_history(folder.history_file, last_step=model.training_step)
    return model, rows_of(checkpoint)


def train(
    folder: RunFolder,
    config: RunConfig,
    model: HierarchicalVAE,
    stream: ExampleStream,
    valid: NDArray[Any] | None,
    rows: list[Row],
    note: Callable[[str], None],
    watching: Sequence[keras.callbacks.Callback] = (),
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> list[Row]:
    """Train until the epochs are done or early stopping ends them; checkpoints are written.

    Args:
        folder: the run's folder, which exists.
        config: the run's settings.
        model: a built model, at the end of the last epoch of `rows`.
        stream: training examples.
        valid: validation examples; None for no validation.
        rows: the history so far.
        note: told in one line what is wrong with a checkpoint.
        watching: callbacks that see an epoch before it is kept, such as `monitors` returns.
        callbacks: further ones, such as a progress display.

    Returns:
        The whole history.

    Raises:
        KeyboardInterrupt: when the user interrupts; the last whole epoch is kept.
        NonFiniteLossError: if the loss becomes NaN or infinite; the last whole epoch is kept.
        OSError: if a file cannot be written.
    """
    training = config.training
    patience = training["early_stopping_patience"]
    if len(rows) >= training["epochs"] or has_stopped(rows, patience):
        write_history(folder.history_file, rows)
        return rows
    history = History(folder.history_file, rows)
    training = {**TRAINING_DEFAULTS, **training}
    seconds = training["checkpoint_every"]
    checkpoints = Checkpoints(
        folder,
        history,
        **({} if seconds is None else {"seconds": float(seconds)}),
        every_steps=training["checkpoint_every_steps"],
        keep=training["keep_checkpoints"],
        note=note,
    )
    model.compile(
        optimizer=model.optimizer,
        steps_per_execution=steps_per_execution(training["steps_per_execution"], len(stream)),
    )
    chain: list[keras.callbacks.Callback] = [checkpoints]
    if config.scheduler is not None:
        chain.append(BetaController(config.scheduler))
    chain += [*watching, history]
    if patience is not None and valid is not None:
        chain.append(EarlyStop(history, patience))
    model.fit(
        stream,
        initial_epoch=len(rows),
        epochs=training["epochs"],
        validation_data=None if valid is None else (valid,),
        validation_batch_size=training["batch_size"],
        shuffle=False,  # Keras would shuffle the stream's batches once more
        verbose=0,
        callbacks=[*chain, *callbacks],
    )
    return history.rows


def steps_per_execution(asked: str | int, num_batches: int) -> int:
    """Return the number of steps that one call of the compiled function runs.

    Args:
        asked: a number, or "auto" for what is fast on the backend.
        num_batches: batches in an epoch.

    Raises:
        ValueError: if the backend cannot run so many.
    """
    if asked == "auto":
        return min(DEFAULT_STEPS_PER_EXECUTION, num_batches)
    if int(asked) > MAX_STEPS_PER_EXECUTION:
        raise ValueError(
            f"steps_per_execution={asked}: the {keras.backend.backend()} backend runs at most "
            f"{MAX_STEPS_PER_EXECUTION} step in one call. Expected {MAX_STEPS_PER_EXECUTION} or "
            "'auto': leave out --steps-per-execution."
        )
    return int(asked)


def constraint_bound(spec: Config | None, event_shape: Shape) -> float | None:
    """Return the bound on the reconstruction error in nats, of a scheduler that has one."""
    if spec is None:
        return None
    return BetaController(spec).scheduler.bound(math.prod(event_shape))


def unfinished_phase(config: RunConfig, rows: list[Row], event_shape: Shape) -> str | None:
    """Say why a finished training is still in its scheduler's initial phase; None if it is not."""
    if config.scheduler is None:
        return None
    scheduler = BetaController(config.scheduler).scheduler
    return scheduler.unfinished(rows[-1], math.prod(event_shape))


def divergence(
    config: RunConfig, stream: ExampleStream, rows: list[Row], event_shape: Shape
) -> str | None:
    """Say why a finished training counts as diverged; None if it does not.

    It does if reconstruction and KL of its last epoch are not finite, or if their sum (`score_of`)
    is more than `DIVERGENCE_FACTOR` times that of the untrained model on the first batch, to which
    one nat per dimension is added for models whose sum is near 0. A loss that rises with beta is no
    divergence, and neither is overfitting.

    Args:
        config: the run's settings.
        stream: its training examples.
        rows: its history.
        event_shape: shape of an example.
    """
    last, num_dimensions = score_of(rows[-1]), math.prod(event_shape)
    if last <= DIVERGENCE_FACTOR * num_dimensions:  # the bound is this or more; NaN goes on
        return None
    found = f"at the end of epoch {rows[-1]['epoch']} reconstruction and KL are {last:.4g} nats"
    if not math.isfinite(last):
        return f"{found}; expected finite numbers"
    (batch,) = stream[0]
    untrained = build_model(config, event_shape)
    logs = untrained.evaluate(batch, batch_size=len(batch), verbose=0, return_dict=True)
    start = float(logs["reconstruction"] + logs["kl"])
    if last <= DIVERGENCE_FACTOR * (abs(start) + num_dimensions):
        return None
    return f"{found}, with {start:.4g} before training; expected fewer"
