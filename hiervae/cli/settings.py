"""From presets, files and options to the settings of a run."""

from __future__ import annotations

import argparse
import copy
import inspect
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hiervae.cli.usage_error import UsageError
from hiervae.errors import DamagedFileError
from hiervae.runs.files import read_json
from hiervae.runs.run_config import FORMAT, RunConfig
from hiervae.types import Config

SECTIONS = ("model", "optimizer", "scheduler", "training")
KEYS = ("preset", "variant", "dataset", "seed", *SECTIONS)
DEFAULT_PRESET = "vhp"
DEFAULT_DATASET = "pendulum"


def resolve(arguments: argparse.Namespace, saved: RunConfig | None) -> RunConfig:
    """The settings of a run: its preset, then the file of settings, then the options.

    Args:
        arguments: of `hiervae train`.
        saved: those of the run to go on with; they stand in for a preset where none is named.

    Raises:
        UsageError: if an option does not fit.
        ValueError: if there is no such preset.
        DamagedFileError: if the file of settings cannot be read.
    """
    given: Config = {} if arguments.config is None else read_settings(Path(arguments.config))
    if given.get("format") == FORMAT:
        if arguments.preset is not None:
            raise UsageError(
                f"--preset and {arguments.config} both choose the whole model; expected one."
            )
        saved, given = RunConfig.from_dict(given, arguments.config), {}
    named = arguments.preset or given.get("preset")
    base = _from_preset(arguments, given) if saved is None or named else saved
    settings: Config = {name: copy.deepcopy(getattr(base, name)) for name in SECTIONS}
    for name in SECTIONS:
        if name in given:
            settings[name] = merge(settings[name], given[name])
    _apply_options(settings, arguments)
    for path, value in arguments.assignments:
        assign(settings, path, value)
    _check(settings)
    return RunConfig(
        preset=base.preset,
        variant=base.variant,
        dataset=_dataset(arguments, given.get("dataset", base.dataset)),
        seed=next(s for s in (arguments.seed, given.get("seed"), base.seed) if s is not None),
        **settings,
    )


def read_settings(path: Path) -> Config:
    """A file of settings, JSON or TOML.

    Raises:
        OSError: if it cannot be read.
        DamagedFileError: if it is neither.
        UsageError: if it holds unknown settings.
    """
    if path.suffix == ".toml":
        try:
            record = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DamagedFileError(f"{path} is no TOML ({error}); mend the file.") from error
    else:
        record = read_json(path)
    unknown = sorted(record.keys() - set(KEYS)) if record.get("format") != FORMAT else []
    if unknown:
        raise UsageError(
            f"{path} sets {', '.join(map(repr, unknown))}; expected {', '.join(KEYS)}, or a run's "
            "config.json."
        )
    return record


def merge(base: Any, change: Any) -> Any:
    """`change` laid over `base`, key by key; a part of another name takes its place wholly."""
    if not isinstance(base, Mapping) or not isinstance(change, Mapping):
        return change
    if "name" in change and base.get("name", change["name"]) != change["name"]:
        return dict(change)
    return {
        **base,
        **{key: merge(base.get(key), value) for key, value in change.items()},
    }


def assign(settings: Config, path: str, value: Any) -> None:
    """Set the entry at a dotted path, such as "model.prior.latent_dim".

    A part given by its name alone becomes a config with that name.

    Raises:
        UsageError: if there is no such place.
    """
    section, *keys = path.split(".")
    if section not in SECTIONS or not keys or not all(keys):
        raise UsageError(
            f"--set {path}: expected a path that begins with one of {', '.join(SECTIONS)}, such as "
            "model.prior.latent_dim=2."
        )
    if settings[section] is None:
        raise UsageError(f"--set {path}: there is no {section}; name one by --{section}.")
    place = settings[section]
    for key in keys[:-1]:
        if isinstance(place.get(key), str):
            place[key] = {"name": place[key]}
        place = place.get(key)
        if not isinstance(place, dict):
            raise UsageError(f"--set {path}: {key!r} has no entries of its own.")
    place[keys[-1]] = value


def _from_preset(arguments: argparse.Namespace, given: Config) -> RunConfig:
    from hiervae import datasets, presets

    dataset = _dataset(arguments, given.get("dataset", DEFAULT_DATASET))
    known = dataset["name"] if dataset["name"] in datasets.names() else None
    name = arguments.preset or given.get("preset", DEFAULT_PRESET)
    variant = arguments.variant or given.get("variant", "paper")
    preset = presets.get(name, dataset=known, variant=variant)
    training = {"early_stopping_patience": None, "steps_per_execution": "auto", **preset.training}
    return RunConfig(
        preset=preset.name,
        variant=preset.variant,
        dataset=dataset,
        model=preset.model,
        optimizer=preset.optimizer,
        scheduler=preset.scheduler,
        training=training,
        seed=0,
    )


def _dataset(arguments: argparse.Namespace, base: Any) -> Config:
    base = {"name": base} if isinstance(base, str) else base
    if not isinstance(base, Mapping) or not isinstance(base.get("name"), str):
        raise UsageError(
            f'The data set is {base!r}; expected its name, or {{"name": ..., "options": {{}}}}.'
        )
    name, options = base["name"], dict(base.get("options", {}))
    if arguments.dataset not in (None, name):
        name, options = arguments.dataset, {}
    return {"name": name, "options": {**options, **dict(arguments.dataset_options)}}


def _apply_options(settings: Config, arguments: argparse.Namespace) -> None:
    shorthand = {"kappa": arguments.kappa, "nu": arguments.nu, "tau": arguments.tau}
    options = {key: value for key, value in shorthand.items() if value is not None}
    options |= dict(arguments.scheduler_options)
    if arguments.scheduler is not None:
        settings["scheduler"] = merge(settings["scheduler"], {"name": arguments.scheduler})
    for key, value in options.items():
        if settings["scheduler"] is None:
            raise UsageError(f"{key} is an option of a scheduler; name one by --scheduler.")
        settings["scheduler"][key] = value
    if arguments.learning_rate is not None:
        settings["optimizer"].setdefault("config", {})["learning_rate"] = arguments.learning_rate
    for key in ("epochs", "batch_size", "steps_per_execution"):
        if getattr(arguments, key) is not None:
            settings["training"][key] = getattr(arguments, key)


def _check(settings: Config) -> None:
    from hiervae.model import HierarchicalVAE
    from hiervae.options import check_positive_int

    training = settings["training"]
    arguments = {*inspect.signature(HierarchicalVAE.__init__).parameters}
    known = {
        "model": arguments - {"self", "seed", "kwargs"},
        "training": {"epochs", "batch_size", "early_stopping_patience", "steps_per_execution"},
        "optimizer": {"class_name", "config", "module", "registered_name"},
    }
    for section, names in known.items():
        unknown = settings[section].keys() - names
        if unknown:
            raise UsageError(
                f"{section} has no setting {', '.join(map(repr, sorted(unknown)))}; expected "
                f"{', '.join(sorted(names))}."
            )
    for key in ("epochs", "batch_size"):
        check_positive_int(key, training.get(key))
    if training["early_stopping_patience"] is not None:
        check_positive_int("early_stopping_patience", training["early_stopping_patience"])
    if training["steps_per_execution"] != "auto":
        check_positive_int("steps_per_execution", training["steps_per_execution"])
