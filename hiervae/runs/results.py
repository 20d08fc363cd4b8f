"""A finished run: what training leaves, and opening it to look at."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from hiervae import manifold
from hiervae.callbacks.kl_monitor import read_kl_history
from hiervae.datasets import Dataset
from hiervae.errors import DataError, HiervaeError
from hiervae.model import HierarchicalVAE
from hiervae.runs.callbacks import best_row, kept_row
from hiervae.runs.config import RunConfig
from hiervae.runs.data import examples_of, held_out_split, labels_of, load_data, num_examples
from hiervae.runs.embedding import NUM_POINTS, as_thumbnails, write_embedding
from hiervae.runs.figures import FigureWriter, new_data
from hiervae.runs.folder import RunFolder
from hiervae.runs.history import Row
from hiervae.runs.interpolation import choose_ends, interpolate
from hiervae.runs.metrics import bound_of, latent_means, polar_error, separation
from hiervae.runs.model_file import load_model, save_model
from hiervae.runs.monitoring import write_session
from hiervae.runs.training import constraint_bound, unfinished_phase
from hiervae.types import Config

NUM_SAMPLES = 64
NUM_NODES = 1000
NUM_NEIGHBORS = 10


@dataclass(frozen=True, eq=False)
class OpenRun:
    """A run with its model and data.

    Attributes:
        folder: the run's folder.
        config: its settings.
        model: the trained model.
        dataset: the data it was trained on, checked against the run's checksum.
    """

    folder: RunFolder
    config: RunConfig
    model: HierarchicalVAE
    dataset: Dataset


def open_run(
    path: str | os.PathLike[str], data_dir: str | os.PathLike[str] | None = None
) -> OpenRun:
    """Open a finished run.

    Raises:
        HiervaeError: if this is no run folder, or its training did not finish.
        DamagedFileError: if a file is damaged.
        DatasetNotFoundError: if a data file is missing.
        DataError: if the data is not what the run was made with.
    """
    folder = RunFolder(path)
    config = folder.read_config()
    model = folder.load_model()
    return OpenRun(folder, config, model, load_data(config, data_dir))


def write_results(
    folder: RunFolder,
    config: RunConfig,
    model: HierarchicalVAE,
    dataset: Dataset,
    rows: list[Row],
    note: Callable[[str], None],
    diverged: str | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Write `model.keras`, `metrics.json` and the figures.

    The model is that of the last epoch; with early stopping, or if the run diverged, that of the
    best one. Scores, graph and figures of another model that the folder held before are removed;
    scores of the same model stay.

    Args:
        folder: the run's folder.
        config: the run's settings.
        model: at the end of the last epoch.
        dataset: the run's data.
        rows: the run's history.
        note: told in one line what is left out.
        diverged: why the run counts as diverged; its metrics and figures are then left out where
            the kept model gives none.

    Returns:
        All metrics, and the names of the figures.

    Raises:
        OSError: if a file cannot be written.
    """
    if diverged is not None:
        best = kept_row(rows)
    else:
        patience = config.training["early_stopping_patience"]
        best = None if patience is None else best_row(rows)
    chosen = rows[-1]
    if best is not None and folder.best_file.exists():
        model, chosen = load_model(folder.best_file), best
    save_model(model, folder.model_file)
    training: Config = {
        "epochs": rows[-1]["epoch"],
        "steps": rows[-1]["step"],
        "seconds": rows[-1]["seconds"],
        "model_epoch": chosen["epoch"],
        **{key: chosen[key] for key in ("loss", "val_loss") if key in chosen},
        **{key: chosen[key] for key in ("beta", "constraint", "phase")},
    }
    if diverged is not None:
        training["diverged"] = diverged
    elif unfinished := unfinished_phase(config, rows, dataset.info.event_shape):
        training["unfinished"] = unfinished
        note(unfinished)
    measured: Mapping[str, Mapping[str, object]] = folder.read_metrics()
    before, now = (
        [record.get(key) for key in ("steps", "model_epoch")]
        for record in (measured.get("training", {}), training)
    )
    if before != now:
        folder.forget_model()
    scored = [name for name, found in folder.read_metrics().items() if "protocol" in found]
    metrics = folder.write_metrics(training=training)
    figures = FigureWriter(folder, dataset.info.value_range, note)
    try:
        found = _held_out_metrics(config, model, dataset, note)
        metrics = folder.write_metrics(
            **{name: section for name, section in found.items() if name not in scored}
        )
        figures.reconstructions(model, dataset)
        figures.samples("samples", *new_data(model, NUM_SAMPLES, config.seed))
        figures.pseudo_inputs(model)
        figures.control(rows, constraint_bound(config.scheduler, dataset.info.event_shape))
        figures.latent_space(model, dataset)
        figures.kl_levels(model, dataset)
        figures.latent_pca(model, dataset)
        if folder.kl_history_file.is_file():
            figures.kl_history(read_kl_history(folder.kl_history_file))
        _interpolate(figures, model, dataset, config.seed)
        _leave_for_tensorboard(folder, config, model, dataset, metrics)
    except HiervaeError as error:
        if diverged is None:
            raise
        note(f"metrics and figures of the kept model are left out: {error}")
    return metrics, figures.written


def _held_out_metrics(
    config: RunConfig, model: HierarchicalVAE, dataset: Dataset, note: Callable[[str], None]
) -> dict[str, Config]:
    sections: dict[str, Config] = {}
    for split in ("valid", "test"):
        if num_examples(dataset, split):
            examples = examples_of(dataset, split)
            sections[split] = bound_of(model, examples, config.training["batch_size"])
    of_labels = {"polar_regression": polar_error, "disentanglement": separation}
    for name, measure in of_labels.items():
        try:
            section = measure(model, dataset)
        except DataError as error:  # the labels of a plugin's data set may be anything
            note(f"no {name.replace('_', ' ')}: {error}")
            continue
        if section is not None:
            sections[name] = section
    return sections


def _leave_for_tensorboard(
    folder: RunFolder,
    config: RunConfig,
    model: HierarchicalVAE,
    dataset: Dataset,
    metrics: dict[str, Any],
) -> None:
    """Write the session by which runs compare, and the latents for the projector."""
    if find_spec("tensorboard") is None:
        return
    write_session(folder, config, metrics)
    split = held_out_split(dataset)
    examples = examples_of(dataset, split, NUM_POINTS)
    low, high = dataset.info.value_range
    limits = (
        float(examples.min()) if low is None else low,
        float(examples.max()) if high is None else high,
    )
    labels = labels_of(dataset, split, NUM_POINTS)
    means = latent_means(model, examples)
    write_embedding(folder.events, means, labels, as_thumbnails(examples), limits)


def _interpolate(
    figures: FigureWriter, model: HierarchicalVAE, dataset: Dataset, seed: int
) -> None:
    """Draw one interpolation, between two examples that differ."""
    split = held_out_split(dataset)
    examples = examples_of(dataset, split)
    try:
        ends = choose_ends(dataset, split)
        graph = manifold.LatentGraph.from_prior(model, NUM_NODES, NUM_NEIGHBORS, seed)
        found = interpolate(model, graph, *(examples[end] for end in ends.positions))
    except HiervaeError as error:
        figures.note(f"no figure of an interpolation: {error}")
        return
    title = f"{ends.title}, {split} examples {ends.positions}"
    figures.interpolation("interpolation", found.path, found.straight, title)
    figures.graph("latent_graph", model, examples, graph, found.path, title)
