"""The work of `hiervae train`."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hiervae import registry
from hiervae.cli.console import Console
from hiervae.cli.evaluate import protocol_values
from hiervae.cli.parsing import check_data_dir, check_empty
from hiervae.cli.settings import resolve
from hiervae.cli.training_progress import TrainingProgress
from hiervae.cli.usage_error import UsageError, refused_as_usage
from hiervae.datasets import Dataset
from hiervae.datasets.catalogue import is_known
from hiervae.errors import DamagedFileError, DataError, HiervaeError, NonFiniteLossError
from hiervae.model import HierarchicalVAE
from hiervae.runs import training
from hiervae.runs.config import MAY_CHANGE, RunConfig, installed_versions
from hiervae.runs.data import describe_data, examples_of, load_data, num_examples, place_of
from hiervae.runs.example_stream import ExampleStream
from hiervae.runs.folder import RunFolder
from hiervae.runs.history import Row, read_history
from hiervae.runs.initial_weights import require_weights
from hiervae.runs.model_file import load_model
from hiervae.runs.monitoring import monitors
from hiervae.runs.results import write_results
from hiervae.schedulers import Scheduler
from hiervae.types import Config

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
        with ExitStack() as held:
            if self.arguments.resume:
                held.enter_context(self.folder.locked())
            return self._run(held)

    def _run(self, held: ExitStack) -> int:
        saved = self._saved() if self.arguments.resume else None
        self.folder.read_metrics()  # results are added to it; a damaged one is refused now
        with refused_as_usage():
            config = resolve(self.arguments, saved)
        keras.utils.set_random_seed(config.seed)
        if not self.arguments.download:
            check_data_dir(self.arguments.data_dir)
        if saved is None and (place := place_of(config.dataset["name"], self.arguments.data_dir)):
            config = replace(config, dataset={**config.dataset, "name": place})
            self._check_apart(place)
        source = config if saved is None else saved
        dataset = load_data(source, self.arguments.data_dir, self.arguments.download)
        if dataset.info.binarisation == "dynamic":
            config = replace(config, model={"dynamic_binarisation": True, **config.model})
        with refused_as_usage():
            optimizer = training.match_schedule(
                config.optimizer, config.training, num_examples(dataset, "train")
            )
        config = replace(config, optimizer=optimizer)
        self._check_unchanged(saved, config)
        model, rows = self._model(config, dataset)
        epochs = config.training["epochs"]
        if len(rows) > epochs:
            raise UsageError(
                f"--epochs {epochs}: the run has {len(rows)} epochs already; expected {len(rows)} "
                "or more."
            )
        stream, valid = self._examples(config, dataset, model)
        config = replace(
            config,
            parts=training.describe_parts(model),
            data=describe_data(dataset),
            versions=installed_versions(),
        )
        self._announce(config, model, len(rows))
        if valid is None and config.training["early_stopping_patience"] is not None:
            self.console.note(
                "without validation examples training is not stopped early, whatever "
                "training.early_stopping_patience is"
            )
        if not self.arguments.resume:  # another training may have begun there since
            self.folder.path.mkdir(parents=True, exist_ok=True)
            held.enter_context(self.folder.locked())
            check_empty(self.folder, self.again)
        self.folder.create(config)
        self.folder.tidy()
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
                monitors(self.folder, config, model, dataset, self.console.note),
                [progress],
            )
            diverged = training.divergence(config, stream, rows, dataset.info.event_shape)
        except KeyboardInterrupt:
            progress.close()
            self.console.error(f"interrupted; go on with: {self.again}")
            return INTERRUPTED
        except NonFiniteLossError as error:
            rows = read_history(self.folder.history_file)
            if not self.folder.latest_file.exists() or not rows:
                raise
            model, diverged = load_model(self.folder.latest_file), str(error)
        finally:
            progress.close()
        metrics, figures = write_results(
            self.folder, config, model, dataset, rows, self.console.note, diverged
        )
        self._report(metrics, figures)
        if diverged is not None:
            self.console.error(self._divergence(diverged, config, metrics["training"]))
            return 1
        self.console.result({"run": self.folder.path, "metrics": metrics, "figures": figures})
        return 0

    def _divergence(self, reason: str, config: RunConfig, kept: Mapping[str, Any]) -> str:
        rate = config.optimizer.get("config", {}).get("learning_rate")
        known = f" (it was {rate:g})" if isinstance(rate, (int, float)) else ""
        return (
            f"The training diverged: {reason.rstrip('.')}. {self.folder.model_file} is the model "
            f"of epoch {kept['model_epoch']} of {kept['epochs']}, the best. Train into another "
            f"folder by --out with a smaller --learning-rate{known}, or with shorter steps by "
            "--set optimizer.config.clipnorm=1.0."
        )

    def _saved(self) -> RunConfig:
        """The settings of the run to go on with, once they were found to be still its own."""
        if edited := self.folder.edited():
            raise UsageError(
                f"{self.folder.config_file} was edited since the run began: {'; '.join(edited)}. "
                f"Put it back, or copy {self.folder.settings_file} over it. Of a run's settings "
                f"{', '.join(MAY_CHANGE)} may change, by options of this command; others need "
                "another folder."
            )
        return self.folder.read_config()

    def _check_unchanged(self, saved: RunConfig | None, config: RunConfig) -> None:
        if saved is None:
            return
        before, epochs = saved.training["epochs"], config.training["epochs"]
        decay = saved.training["learning_rate_decay"]
        if decay == config.training["learning_rate_decay"] is not None and before != epochs:
            path = shlex.quote(str(self.folder.path))
            raise UsageError(
                f"--epochs {epochs}: the learning rate of the run in {self.folder.path} falls to "
                f"zero over its {before} epochs; expected no other number. Leave --epochs out, or "
                "train its weights further in another folder: hiervae train --config "
                f"{path}/config.json --initial-weights {path} --epochs N --out RUN"
            )
        differences = saved.differences(config)
        if differences:
            raise UsageError(
                f"The run in {self.folder.path} cannot go on with other settings: "
                f"{'; '.join(differences)}. Leave these options out, or train into another folder."
            )

    def _check_apart(self, place: str) -> None:
        """Refuse a run folder whose figures would be read as examples the next time."""
        pictures = Path(place).expanduser()
        if is_known(place) or not pictures.is_dir():
            return
        if self.folder.path.resolve().is_relative_to(pictures.resolve()):
            raise UsageError(
                f"The run folder {self.folder.path} lies in {pictures}, the folder of pictures to "
                "train on, and its figures would be taken for some of them. Choose one elsewhere "
                "by --out."
            )

    def _model(self, config: RunConfig, dataset: Dataset) -> tuple[HierarchicalVAE, list[Row]]:
        with refused_as_usage():
            training.steps_per_execution(config.training["steps_per_execution"], 1)
            if config.scheduler is not None:
                registry.create("hiervae.schedulers", config.scheduler, Scheduler)
            if not self.arguments.resume:
                self._check_initial_weights(config.training["initial_weights"])
                return training.build_model(config, dataset.info.event_shape), []
        return training.continue_run(
            self.folder, config, dataset.info.event_shape, self.console.note
        )

    def _check_initial_weights(self, source: str | None) -> None:
        if source is None:
            return
        try:
            require_weights(Path(source))
        except DamagedFileError:
            raise
        except HiervaeError as error:
            given = self.arguments.initial_weights is not None
            option = "--initial-weights" if given else "training.initial_weights"
            raise UsageError(
                f"{option} {source}: {error} Expected the folder of a finished run, or a .keras "
                "file."
            ) from error

    def _examples(
        self, config: RunConfig, dataset: Dataset, model: HierarchicalVAE
    ) -> tuple[ExampleStream, NDArray[Any] | None]:
        """Training and validation examples, once they were found fit for the model.

        Parts that are initialised from examples are so now: where they refuse them, no folder has
        been made yet.
        """
        in_memory = isinstance(dataset.train, np.ndarray)
        some = examples_of(dataset, "train", None if in_memory else NUM_CHECKED)
        valid = examples_of(dataset, "valid") if num_examples(dataset, "valid") else None
        try:
            _check_examples(model, some, valid)
        except DataError as error:
            settings = _settings_that_fit(config, some, valid)
            if not settings:
                raise
            found = str(error).partition(". ")[0]  # what was received and expected; then advice
            raise UsageError(
                f"The data set {config.dataset['name']!r} does not suit the model: {found}. "
                "Set one that takes such values, by "
                f"{' or '.join(settings)}."
            ) from error
        stream = ExampleStream(dataset.train, config.training["batch_size"], config.seed)
        try:
            training.adapt(model, stream)
        except DataError as error:
            raise UsageError(
                f"The data set {config.dataset['name']!r} does not suit the model: {error} An "
                "option of a part is set by --set, such as --set model.prior.num_components=100."
            ) from error
        return stream, valid

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
                "initial weights": config.training["initial_weights"],
                "scheduler": rule,
                "backend": f"{backend['name']} {backend['version']}",
                "run folder": self.folder.path,
                "resumed after": f"{done} epochs" if done else None,
            }
        )

    def _report(self, metrics: dict[str, Any], figures: list[str]) -> None:
        for section in ("training", "valid", "test", "polar_regression", "disentanglement"):
            if section in metrics:
                values = dict(metrics[section])
                protocol = values.pop("protocol", None)
                self.console.heading(section.replace("_", " "))
                self.console.values(values)
                if protocol is not None:
                    self.console.heading(f"protocol of {section}")
                    self.console.values(protocol_values(protocol))
        if figures:
            self.console.say(f"figures in {self.folder.figures}: {', '.join(figures)}")


def _check_examples(model: HierarchicalVAE, some: NDArray[Any], valid: NDArray[Any] | None) -> None:
    """Refuse examples that the model cannot be trained on or validated with."""
    model.check_examples("the training data", some, require_support=not model.dynamic_binarisation)
    if valid is not None:
        model.check_examples("the validation data", valid)


def _settings_that_fit(
    config: RunConfig, some: NDArray[Any], valid: NDArray[Any] | None
) -> list[str]:
    """Options of the command that give a model which takes these examples."""
    changes: dict[str, Config] = {
        f"--set model.likelihood={name}": {"likelihood": name}
        for name in registry.available("hiervae.likelihoods")
    }
    changes["--set model.dynamic_binarisation=true"] = {"dynamic_binarisation": True}
    fitting = []
    for option, change in changes.items():
        changed = replace(config, model={**config.model, **change})
        with suppress(Exception):  # such as options that are required, or a broken plugin
            _check_examples(training.build_model(changed, some.shape[1:]), some, valid)
            fitting.append(option)
    return fitting
