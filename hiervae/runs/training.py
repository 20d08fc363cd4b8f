"""Training in a run folder, from the start or from a checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hiervae.callbacks.beta_controller import BetaController
from hiervae.callbacks.tensorboard import TensorBoard
from hiervae.errors import HiervaeError
from hiervae.model import HierarchicalVAE
from hiervae.runs.checkpoints import Checkpoints
from hiervae.runs.early_stop import EarlyStop, has_stopped
from hiervae.runs.example_stream import EpochCounter, ExampleStream
from hiervae.runs.history import History, Row, read_history
from hiervae.runs.model_file import load_model
from hiervae.runs.run_config import RunConfig
from hiervae.runs.run_folder import RunFolder
from hiervae.types import Config, Shape

STEPS_PER_EXECUTION = 20


def build_model(config: RunConfig, event_shape: Shape) -> HierarchicalVAE:
    """The untrained model of a run, built for examples of shape `event_shape`.

    Raises:
        ValueError: if an option is wrong.
        RegistryError: if a part cannot be found or resolved.
    """
    model = HierarchicalVAE(**config.model, seed=config.seed)
    # A copy: Keras puts the class name into lower case in the config it is given.
    model.compile(optimizer=keras.optimizers.deserialize(copy.deepcopy(config.optimizer)))
    model.build((None, *event_shape))
    return model


def describe_parts(model: HierarchicalVAE) -> Config:
    """The model's parts as the registry describes them, with the distributions they are from."""
    return model.part_records()


def continue_run(folder: RunFolder, config: RunConfig, event_shape: Shape) -> Any:
    """The model of an interrupted run and the history that led to it.

    Returns:
        The model and a list of rows; a new model and no rows where nothing was kept yet.

    Raises:
        DamagedFileError: if the checkpoint or the history is damaged.
    """
    if not folder.latest_file.exists():
        return build_model(config, event_shape), []
    model = load_model(folder.latest_file)
    return model, read_history(folder.history_file, last_step=model.training_step)


def train(
    folder: RunFolder,
    config: RunConfig,
    model: HierarchicalVAE,
    stream: ExampleStream,
    valid: NDArray[Any] | None,
    rows: list[Row],
    note: Callable[[str], None],
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
        note: told in one line what is left out because a package is missing.
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
        return rows
    history = History(folder.history_file, rows)
    checkpoints = Checkpoints(folder, history)
    model.compile(
        optimizer=model.optimizer,
        steps_per_execution=steps_per_execution(training["steps_per_execution"], len(stream)),
    )
    chain: list[keras.callbacks.Callback] = [EpochCounter(stream)]
    if config.scheduler is not None:
        chain.append(BetaController(config.scheduler))
    chain += [*_monitoring(folder, note), history]
    if patience is not None and valid is not None:
        chain.append(EarlyStop(history, patience))
    try:
        model.fit(
            stream,
            initial_epoch=len(rows),
            epochs=training["epochs"],
            validation_data=None if valid is None else (valid,),
            validation_batch_size=training["batch_size"],
            shuffle=False,  # Keras would shuffle the stream's batches once more
            verbose=0,
            callbacks=[*chain, checkpoints, *callbacks],
        )
    except (KeyboardInterrupt, HiervaeError):
        checkpoints.write()
        raise
    checkpoints.write()
    return history.rows


def steps_per_execution(asked: str | int, num_batches: int) -> int:
    """Steps that one call of the compiled function runs.

    Args:
        asked: a number, or "auto" for what is fast on the backend.
        num_batches: batches in an epoch.

    Raises:
        ValueError: if the backend cannot run so many.
    """
    on_torch = keras.backend.backend() == "torch"
    if asked == "auto":
        return 1 if on_torch else min(STEPS_PER_EXECUTION, num_batches)
    if on_torch and asked != 1:
        raise ValueError(
            f"steps_per_execution={asked}: the torch backend runs one step an execution. "
            "Expected 1 or 'auto'."
        )
    return int(asked)


def kappa_squared(spec: Config | None, event_shape: Shape) -> float | None:
    """The bound on the reconstruction error in nats, of a scheduler's config that has one."""
    if spec is None:
        return None
    scheduler = BetaController(spec).scheduler
    kappa = getattr(scheduler, "kappa", None)
    if kappa is None:
        return None
    scale = float(np.prod(event_shape)) if getattr(scheduler, "per_dimension", False) else 1.0
    return float(kappa) ** 2 * scale


def _monitoring(folder: RunFolder, note: Callable[[str], None]) -> list[keras.callbacks.Callback]:
    if find_spec("tensorboard") is None:
        note(
            "no TensorBoard events are written, tensorboard is not installed: "
            'pip install "hiervae[monitoring]"'
        )
        return []
    return [TensorBoard(folder.events)]
