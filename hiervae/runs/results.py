"""What a finished training leaves: the model, its measures and its pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hiervae import manifold
from hiervae.datasets import Dataset
from hiervae.errors import HiervaeError
from hiervae.model import HierarchicalVAE
from hiervae.runs.figures import FigureWriter
from hiervae.runs.history import Row, best_row
from hiervae.runs.interpolation import choose_example, interpolate
from hiervae.runs.measures import bound_of, polar_error
from hiervae.runs.model_file import load_model, save_model
from hiervae.runs.new_data import new_data
from hiervae.runs.run_config import RunConfig
from hiervae.runs.run_data import examples_of, has_angles, held_out_split, num_examples
from hiervae.runs.run_folder import RunFolder
from hiervae.runs.training import kappa_squared
from hiervae.types import Config

NUM_SAMPLES = 64
NUM_NODES = 1000
NUM_NEIGHBORS = 10


def write_results(
    folder: RunFolder,
    config: RunConfig,
    model: HierarchicalVAE,
    dataset: Dataset,
    rows: list[Row],
    note: Callable[[str], None],
) -> tuple[dict[str, Any], list[str]]:
    """Write `model.keras`, `metrics.json` and the pictures.

    With early stopping the model is that of the best epoch, otherwise that of the last one.

    Args:
        folder: the run's folder.
        config: the run's settings.
        model: at the end of the last epoch.
        dataset: the run's data.
        rows: the run's history.
        note: told in one line what is left out.

    Returns:
        All metrics, and the names of the pictures.

    Raises:
        OSError: if a file cannot be written.
    """
    best = best_row(rows) if config.training["early_stopping_patience"] is not None else None
    if best is not None and folder.best_file.exists():
        model = load_model(folder.best_file)
    chosen = best or rows[-1]
    save_model(model, folder.model_file)
    sections: dict[str, Config] = {
        "training": {
            "epochs": rows[-1]["epoch"],
            "steps": rows[-1]["step"],
            "seconds": rows[-1]["seconds"],
            "model_epoch": chosen["epoch"],
            **{key: chosen[key] for key in ("loss", "val_loss") if key in chosen},
            **{key: chosen[key] for key in ("beta", "constraint", "phase")},
        }
    }
    for split in ("valid", "test"):
        if num_examples(dataset, split):
            examples = examples_of(dataset, split)
            sections[split] = bound_of(model, examples, config.training["batch_size"])
    polar = polar_error(model, dataset)
    if polar is not None:
        sections["polar_regression"] = polar
    metrics = folder.write_metrics(**sections)
    figures = FigureWriter(folder, dataset.info.value_range, note)
    figures.reconstructions(model, dataset)
    figures.samples("samples", *new_data(model, NUM_SAMPLES, config.seed))
    figures.pseudo_inputs(model)
    figures.control(rows, kappa_squared(config.scheduler, dataset.info.event_shape))
    figures.latent_space(model, dataset)
    figures.kl_levels(model, dataset)
    _interpolate(figures, model, dataset, config.seed)
    return metrics, figures.written


def _interpolate(
    figures: FigureWriter, model: HierarchicalVAE, dataset: Dataset, seed: int
) -> None:
    """Draw one interpolation: between 0 and 180 degrees, or two examples far apart in the file."""
    split = held_out_split(dataset)
    examples = examples_of(dataset, split)
    ends = [0, len(examples) // 2]
    if has_angles(dataset):
        ends = [choose_example(dataset, split, value, "label") for value in (0.0, 180.0)]
    try:
        graph = manifold.LatentGraph.from_prior(model, NUM_NODES, NUM_NEIGHBORS, seed)
        found = interpolate(model, graph, examples[ends[0]], examples[ends[1]])
    except HiervaeError as error:
        figures.note(f"no picture of an interpolation: {error}")
        return
    title = "from 0 to 180 degrees" if has_angles(dataset) else f"{split} examples {ends}"
    figures.interpolation("interpolation", found.path, found.straight, title)
    figures.graph("latent_graph", model, examples, graph, found.path, title)
