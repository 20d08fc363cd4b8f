"""What a run leaves for TensorBoard."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any

import keras

from hiervae import plotting
from hiervae.callbacks import ImageMonitor, KLMonitor, TensorBoard
from hiervae.callbacks.event_writer import EventWriter
from hiervae.datasets import Dataset
from hiervae.errors import HiervaeError
from hiervae.model import HierarchicalVAE
from hiervae.runs.config import RunConfig
from hiervae.runs.data import examples_of, num_examples
from hiervae.runs.files import dump_json
from hiervae.runs.folder import RunFolder
from hiervae.types import Config

NUM_MOMENTS = 5
"""About how often during training pictures are drawn and the KL of each unit is measured."""

NUM_SHOWN = 16
NUM_MEASURED = 500

MISSING = "no TensorBoard events are written, {name} is not installed: "
ADVICE = 'pip install "hiervae[monitoring]"'

FINAL = ("elbo", "negative_log_likelihood", "bits_per_dimension", "mean_absolute_error")
"""Metrics of a finished run by which runs compare."""


def monitors(
    folder: RunFolder,
    config: RunConfig,
    model: HierarchicalVAE,
    dataset: Dataset,
    note: Callable[[str], None],
) -> list[keras.callbacks.Callback]:
    """Return the callbacks that watch the training of a run; they do not change it.

    Validation examples are looked at where there are some, else training examples.

    Args:
        folder: the run's folder.
        config: the run's settings.
        model: its model, built.
        dataset: its data.
        note: told in one line what is left out.

    Raises:
        DataError: if there are no examples.
    """
    with_events = find_spec("tensorboard") is not None
    if not with_events:
        note(MISSING.format(name="tensorboard") + ADVICE)
    split = "valid" if num_examples(dataset, "valid") else "train"
    every = math.ceil(config.training["epochs"] / NUM_MOMENTS)
    log_dir = folder.events if with_events else None
    measured = examples_of(dataset, split, NUM_MEASURED)
    watching: list[keras.callbacks.Callback] = [
        KLMonitor(measured, folder.kl_history_file, log_dir, every)
    ]
    if log_dir is None:
        return watching
    watching.append(TensorBoard(log_dir))
    # Where images are drawn pixel by pixel, each of them takes as many passes as it has pixels.
    if model.likelihood.mean_is_exact and find_spec("matplotlib") is not None:
        shown = examples_of(dataset, split, NUM_SHOWN)
        try:
            plotting.image_grid(shown)
        except HiervaeError as error:
            note(f"no pictures in TensorBoard: {error}")
        else:
            watching.append(ImageMonitor(shown, log_dir=log_dir, every=every))
    return watching


def write_session(folder: RunFolder, config: RunConfig, metrics: Mapping[str, Any]) -> None:
    """Write settings, composition and final metrics, by which TensorBoard compares runs.

    Args:
        folder: the run's folder.
        config: the run's settings, with its parts.
        metrics: sections of `metrics.json`.

    Raises:
        HiervaeError: if the file cannot be made.
        OSError: if it cannot be written.
    """
    if find_spec("tensorboard") is None:
        return
    writer = EventWriter(folder.events, first_step=0)
    try:
        step = int(metrics["training"]["steps"])
        writer.text("composition", _composition(config), 0)
        writer.session(dict(_hyper_parameters(config)), _group(config))
        writer.scalars(dict(_final(metrics)), step)
    finally:
        writer.close()


def _composition(config: RunConfig) -> str:
    rows = "".join(
        f"| {role} | {part.get('name')} | {part.get('distribution') or ''} |\n"
        for role, part in config.parts.items()
        if isinstance(part, dict)
    )
    settings = dump_json({"model": config.model, "scheduler": config.scheduler})
    return f"| part | name | from |\n| --- | --- | --- |\n{rows}\n```json\n{settings}```\n"


def _group(config: RunConfig) -> str:
    """The name of the settings without the seed, so that seeds are one group."""
    return hashlib.sha256(dump_json({**config.as_dict(), "seed": None}).encode()).hexdigest()[:12]


def _hyper_parameters(config: RunConfig) -> Iterator[tuple[str, bool | float | str]]:
    yield "seed", config.seed
    yield "preset", str(config.preset)
    yield "dataset", str(config.dataset["name"])
    for name in ("model", "optimizer", "scheduler", "training"):
        yield from _leaves(name, getattr(config, name))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, bool | float | str]]:
    if isinstance(value, dict) and value:
        for key, entry in value.items():
            yield from _leaves(f"{path}.{key}", entry)
    elif isinstance(value, (bool, int, float, str)):
        yield path, value
    else:
        yield path, str(value)


def _final(metrics: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for section, record in metrics.items():
        known: Config = record if isinstance(record, dict) else {}
        for key in FINAL:
            if isinstance(known.get(key), float):
                yield f"final/{section}_{key}", known[key]
