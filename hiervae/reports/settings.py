"""The settings of a run as tables of its report: model, data and training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hiervae.reports.tables import NATS, Block, Cell, facts, mapping, shown, table
from hiervae.runs.config import RunConfig

KERAS_ONLY = ("name", "class_name", "trainable")
"""Entries of a part's config that say nothing beside the part's name."""

NO_SCHEDULER = "none, beta = 1"


def data_name(config: RunConfig) -> str:
    """Return the data set's title, or the name it was loaded by."""
    return str(config.data.get("title") or config.dataset.get("name"))


def summary(config: RunConfig) -> str:
    """Describe the model in a sentence."""
    sizes = config.model.get("latent_dims")
    levels = len(sizes) if isinstance(sizes, list) else 1
    words = "One stochastic level" if levels == 1 else f"{levels} stochastic levels"
    parts = ", ".join(f"{role} {_kind(config.parts.get(role))}" for role in config.parts)
    rule = NO_SCHEDULER if config.scheduler is None else _kind(config.scheduler)
    return f"{words} (latent sizes {shown(sizes)}): {parts}, scheduler {rule}"


def model_tables(config: RunConfig) -> list[Block]:
    """Tell what the model is composed of, with all options that are set."""
    parts = {**config.parts} | {"scheduler": config.scheduler}
    rows = [(role, *_part(part)) for role, part in parts.items()]
    others = {key: value for key, value in config.model.items() if key not in config.parts}
    return [
        Block(table(("part", "plugin", "options", "from"), rows)),
        Block(facts({key.replace("_", " "): value for key, value in _leaves(others)})),
    ]


def data_tables(config: RunConfig) -> list[Block]:
    """Tell what the run was trained on."""
    data = config.data
    shape, sizes = data.get("event_shape"), mapping(data.get("sizes"))
    entries = {
        "data set": data.get("title"),
        "name": config.dataset.get("name"),
        "options": _options(mapping(config.dataset.get("options"))),
        **{f"{split} examples": size for split, size in sizes.items()},
        "shape of an example": " x ".join(map(str, shape)) if isinstance(shape, list) else shape,
        "lowest and highest value": data.get("value_range"),
        "binarisation": data.get("binarisation"),
        "checksum": data.get("checksum"),
        "source": data.get("source"),
        "licence": data.get("licence"),
    }
    files = mapping(data.get("checksums"))
    listed = [Block(table(("file", "checksum"), files.items()))] if files else []
    return [Block(facts(entries)), *listed]


def training_tables(config: RunConfig, done: Mapping[str, Any]) -> list[Block]:
    """Tell how the run was trained, and with what.

    Args:
        config: its settings.
        done: the section `training` of its metrics.
    """
    training, versions = config.training, config.versions
    backend = mapping(versions.get("backend"))
    patience = training.get("early_stopping_patience")
    epochs, planned = done.get("epochs"), training.get("epochs")
    entries = {
        "optimiser": config.optimizer.get("class_name"),
        "its options": _options(mapping(config.optimizer.get("config"))),
        "epochs": planned if epochs in (None, planned) else f"{epochs} of at most {planned}",
        "optimiser steps": done.get("steps"),
        "batch size": training.get("batch_size"),
        "early stopping": "none" if patience is None else f"after {patience} epochs without gain",
        "steps per execution": training.get("steps_per_execution"),
        "seed": config.seed,
        "training took": _duration(done.get("seconds")),
    }
    saved = {
        "epoch": done.get("model_epoch"),
        f"training loss, {NATS}": done.get("loss"),
        f"validation loss, {NATS}": done.get("val_loss"),
        "beta": done.get("beta"),
        f"constraint Ĉ, {NATS}": done.get("constraint"),
    }
    made_with = {
        "backend": f"{backend.get('name')} {backend.get('version') or ''}",
        "Keras": versions.get("keras"),
        "hiervae": versions.get("hiervae"),
        "NumPy": versions.get("numpy"),
        "Python": versions.get("python"),
        "platform": versions.get("platform"),
        **mapping(versions.get("plugins")),
    }
    at_saved = [Block(facts(saved), "At the epoch of the saved model")] if done else []
    return [Block(facts(entries)), *at_saved, Block(facts(made_with), "Versions")]


def _part(part: Any) -> tuple[Any, Any, Any]:
    """Return a part's plugin, options and distribution."""
    if part is None:
        return NO_SCHEDULER, "", ""
    record = mapping(part)
    origin = record.get("distribution")
    return (
        Cell(_kind(part), "code"),
        _options(_inside(record)),
        f"{origin} {record.get('version') or ''}" if origin else "",
    )


def _kind(part: Any) -> str:
    """Return the name of a part given by a record or by its name alone."""
    record = mapping(part)
    if not record:
        return shown(part)
    inside = mapping(record.get("config"))
    return str(record.get("name") or record.get("class_name") or inside.get("class_name"))


def _inside(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options of a part's record, or of an object that Keras serialised."""
    return mapping(record.get("config")) or record


def _options(record: Mapping[str, Any]) -> Cell:
    return Cell([f"{key} = {shown(value)}" for key, value in _leaves(record)], "options")


def _leaves(record: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the options that are set, those of parts within by their paths."""
    for key, value in record.items():
        if key in KERAS_ONLY or value is None:
            continue
        nested = mapping(value)
        if not nested:
            yield f"{path}{key}", value
        elif nested.get("class_name") == "DTypePolicy":
            yield f"{path}{key}", mapping(nested.get("config")).get("name")
        else:
            yield f"{path}{key}", _kind(value)
            yield from _leaves(_inside(nested), f"{path}{key}.")


def _duration(seconds: Any) -> str | None:
    if not isinstance(seconds, (int, float)):
        return None
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
