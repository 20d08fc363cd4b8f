"""The work of `hiervae train`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hiervae import registry
from hiervae.cli.console import Console
from hiervae.cli.settings import resolve
from hiervae.cli.training_progress import TrainingProgress
from hiervae.cli.usage_error import UsageError, refused_as_usage
from hiervae.datasets import Dataset
from hiervae.model import HierarchicalVAE
from hiervae.runs import training
from hiervae.runs.example_stream import ExampleStream
from hiervae.runs.history import Row
from hiervae.runs.results import write_results
from hiervae.runs.run_config import RunConfig
from hiervae.runs.run_data import describe_data, examples_of, load_data, num_examples
from hiervae.runs.run_folder import RunFolder
from hiervae.runs.versions import installed_versions
from hiervae.schedulers import Scheduler

INTERRUPTED = 130

NUM_CHECKED = 1000
"""Examples that are looked at before training, of sets that are not held in memory."""


class TrainingSession:
    """One call of `hiervae train`.

    Nothing is written before settings, data and model were found good.

    Args:
        arguments: the command's.
        console: where it reports.
        folder: the run's folder.
        again: the command that goes on with the run.
    """

    def __init__(
        self, arguments: argparse.Namespace, console: Console, folder: RunFolder, again: str
    ) -> None:
        self.arguments = arguments
        self.console = console
        self.folder = folder
        self.again = again

    def run(self) -> int:
        """Train, measure and draw; returns the exit status."""
        saved = self.folder.read_config() if self.arguments.resume else None
        self.folder.read_metrics()  # results are added to it; a damaged one is refused now
        with refused_as_usage():
            config = resolve(self.arguments, saved)
        keras.utils.set_random_seed(config.seed)
        source = config if saved is None else saved
        dataset = load_data(source, self.arguments.data_dir, self.arguments.download)
        if dataset.info.binarisation == "dynamic":
            config = replace(config, model={**config.model, "dynamic_binarisation": True})
        self._check_unchanged(saved, config)
        model, rows = self._model(config, dataset)
        stream, valid = self._examples(config, dataset, model)
        config = replace(
            config,
            parts=training.describe_parts(model),
            data=describe_data(dataset),
            versions=installed_versions(),
        )
        self._announce(config, model, len(rows))
        self.folder.create(config)
        progress = TrainingProgress(self.console.stream, len(stream), config.training["epochs"])
        try:
            rows = training.train(
                self.folder,
                config,
                model,
                stream,
                valid,
                rows,
                self.console.note,
                [progress],
            )
        except KeyboardInterrupt:
            progress.close()
            self.console.error(f"interrupted; go on with: {self.again}")
            return INTERRUPTED
        metrics, figures = write_results(
            self.folder, config, model, dataset, rows, self.console.note
        )
        self._report(metrics, figures)
        return 0

    def _check_unchanged(self, saved: RunConfig | None, config: RunConfig) -> None:
        differences = [] if saved is None else saved.differences(config)
        if differences:
            raise UsageError(
                f"The run in {self.folder.path} cannot go on with other settings: "
                f"{'; '.join(differences)}. Leave these options out, or train into another folder."
            )

    def _model(self, config: RunConfig, dataset: Dataset) -> tuple[HierarchicalVAE, list[Row]]:
        with refused_as_usage():
            training.steps_per_execution(config.training["steps_per_execution"], 1)
            if config.scheduler is not None:
                registry.create("hiervae.schedulers", config.scheduler, Scheduler)
            if not self.arguments.resume:
                return training.build_model(config, dataset.info.event_shape), []
        return training.continue_run(self.folder, config, dataset.info.event_shape)

    def _examples(
        self, config: RunConfig, dataset: Dataset, model: HierarchicalVAE
    ) -> tuple[ExampleStream, NDArray[Any] | None]:
        """Training and validation examples, once they were found fit for the model."""
        dynamic = model.dynamic_binarisation
        in_memory = isinstance(dataset.train, np.ndarray)
        some = examples_of(dataset, "train", None if in_memory else NUM_CHECKED)
        model.check_examples("the training data", some, require_support=not dynamic)
        valid = examples_of(dataset, "valid") if num_examples(dataset, "valid") else None
        if valid is not None:
            model.check_examples("the validation data", valid)
        batch_size = config.training["batch_size"]
        return ExampleStream(dataset.train, batch_size, config.seed), valid

    def _announce(self, config: RunConfig, model: HierarchicalVAE, done: int) -> None:
        sizes = ", ".join(f"{count} {split}" for split, count in config.data["sizes"].items())
        rule = config.scheduler["name"] if config.scheduler else "none, beta = 1"
        backend = config.versions["backend"]
        self.console.values(
            {
                "preset": f"{config.preset} ({config.variant})",
                "data": f"{config.dataset['name']}: {sizes}",
                "model": f"{model.count_params():,} weights, latent sizes {model.latent_dims}, "
                f"prior {config.parts['prior']['name']}, "
                f"likelihood {config.parts['likelihood']['name']}",
                "scheduler": rule,
                "backend": f"{backend['name']} {backend['version']}",
                "run folder": self.folder.path,
                "resumed after": f"{done} epochs" if done else None,
            }
        )

    def _report(self, metrics: dict[str, Any], figures: list[str]) -> None:
        for section in ("training", "valid", "test", "polar_regression"):
            if section in metrics:
                self.console.say(f"{section.replace('_', ' ')}:")
                self.console.values(metrics[section])
        if figures:
            self.console.say(f"pictures in {self.folder.figures}: {', '.join(figures)}")
        self.console.result({"run": self.folder.path, "metrics": metrics, "figures": figures})
