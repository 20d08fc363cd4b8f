"""From presets, files and options to the settings of a run."""

from __future__ import annotations

import argparse
import copy
import inspect
import math
import sys
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hiervae import registry
from hiervae.cli.usage_error import UsageError
from hiervae.errors import DamagedFileError, DataError, DatasetNotFoundError, RegistryError
from hiervae.presets.merging import merge
from hiervae.runs.config import FORMAT, LEARNING_RATE_DECAYS, TRAINING_DEFAULTS, RunConfig
from hiervae.runs.files import read_json
from hiervae.types import Config
from hiervae.utils.validation import (
    check_choice,
    check_number_between,
    check_positive_int,
    check_seed,
)

SECTIONS = ("model", "optimizer", "scheduler", "training")
KEYS = ("preset", "variant", "dataset", "seed", *SECTIONS)
DEFAULT_PRESET = "vhp"
DEFAULT_DATASET = "pendulum"

NAME_KEYS = {"optimizer": "class_name", "scheduler": "name"}
"""Sections that may be given by a name alone, and the setting that it stands for."""

EXAMPLES = {
    "model": '{"latent_dims": 2}',
    "optimizer": '{"class_name": "Adam", "config": {"learning_rate": 0.001}}',
    "scheduler": '{"name": "geco", "kappa": 0.2}',
    "training": '{"epochs": 100}',
}


def resolve(arguments: argparse.Namespace, saved: RunConfig | None) -> RunConfig:
    """The settings of a run: its preset, then the file of settings, then the options.

    Args:
        arguments: of `hiervae train`.
        saved: those of the run to go on with; they stand in for a preset where none is named.

    Raises:
        UsageError: if an option does not fit.
        ValueError: if there is no such preset, or a number is out of range.
        DamagedFileError: if the file of settings cannot be read.
    """
    resumed = saved
    given: Config = {} if arguments.config is None else read_settings(Path(arguments.config))
    if given.get("format") == FORMAT:
        for option, value in (("--preset", arguments.preset), ("--variant", arguments.variant)):
            if value is not None:
                raise UsageError(
                    f"{option} {value} and {arguments.config} both choose the whole model; "
                    f"expected one. Leave {option} out, or --config."
                )
        saved, given = RunConfig.from_dict(given, arguments.config), {}
    named = arguments.preset or given.get("preset")
    base = _from_preset(arguments, given) if saved is None or named else saved
    variant = arguments.variant or given.get("variant", base.variant)
    settings: Config = {}
    for name in SECTIONS:
        section = _section(name, copy.deepcopy(getattr(base, name)))
        settings[name] = _lay_over(name, section, given[name]) if name in given else section
    settings["optimizer"] = _check_optimizer(settings["optimizer"])
    _apply_options(settings, arguments)
    options = [path.removeprefix("scheduler.") for path, _ in arguments.assignments]
    settings["scheduler"] = _without_alternatives(settings["scheduler"], options)
    for path, value in arguments.assignments:
        assign(settings, path, value)
    _check(settings)
    dataset = _dataset(arguments, given.get("dataset", base.dataset))
    _check_dataset(**dataset)
    if resumed is None or dataset["name"] != resumed.dataset["name"]:
        dataset["name"] = _from_anywhere(dataset["name"])
    seeds = (arguments.seed, given.get("seed"), base.seed)
    seed = next(seed for seed in seeds if seed is not None)
    check_seed(seed)
    return RunConfig(
        preset=base.preset,
        variant=variant,
        dataset=dataset,
        seed=seed,
        **settings,
    )


def read_settings(path: Path) -> Config:
    """A file of settings, JSON or TOML.

    Raises:
        OSError: if it cannot be read.
        DamagedFileError: if it is neither.
        UsageError: if there is no such file, or it holds unknown settings.
    """
    if path.is_dir() or not path.exists():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise UsageError(
            f"--config {path}: this {found}; expected a file of settings in JSON or TOML, such as "
            "a run's config.json."
        )
    if path.suffix == ".toml":
        try:
            record = tomllib.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
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


def dataset_in(path: Path) -> str | None:
    """The name of the data set in a file of settings; None where it has none.

    Raises:
        OSError: if it cannot be read.
        DamagedFileError: if it is neither JSON nor TOML.
        UsageError: if there is no such file, or it holds unknown settings.
    """
    found = read_settings(path).get("dataset")
    name = found.get("name") if isinstance(found, Mapping) else found
    return name if isinstance(name, str) else None


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
    if path == "optimizer.class_name":  # Keras would go by these, which name the former class
        settings[section] = _without(settings[section], "module", "registered_name")
    place = settings[section]
    for key in keys[:-1]:
        if isinstance(place.get(key), str):
            place[key] = {"name": place[key]}
        place = place.get(key)
        if not isinstance(place, dict):
            raise UsageError(f"--set {path}: {key!r} has no entries of its own.")
    place[keys[-1]] = value


def _from_preset(arguments: argparse.Namespace, given: Config) -> RunConfig:
    from hiervae import presets
    from hiervae.datasets.catalogue import is_known

    dataset = _dataset(arguments, given.get("dataset", DEFAULT_DATASET))
    bare = dataset["name"].rpartition(":")[2]
    known = bare if is_known(dataset["name"]) else None
    name = arguments.preset or given.get("preset", DEFAULT_PRESET)
    variant = arguments.variant or given.get("variant", "paper")
    for key, value in (("preset", name), ("variant", variant)):
        if not isinstance(value, str):
            raise UsageError(f'{key} is {value!r}; expected a name, such as {key}="...".')
    preset = presets.get(name, dataset=known, variant=variant)
    training = {**TRAINING_DEFAULTS, **preset.training}
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
    known = isinstance(base, Mapping) and base.keys() <= {"name", "options"}
    name, options = (base.get("name"), base.get("options", {})) if known else (None, {})
    if not isinstance(name, str) or not isinstance(options, Mapping):
        raise UsageError(
            f'dataset is {base!r}; expected its name, or {{"name": ..., "options": {{...}}}}.'
        )
    other = arguments.dataset
    if other is not None and _from_anywhere(other) != _from_anywhere(name):
        name, options = other, {}
    return {"name": name, "options": {**options, **dict(arguments.dataset_options)}}


def _from_anywhere(name: str) -> str:
    """A data set's name; the path of a file or folder in a form that any working folder takes."""
    from hiervae.datasets.catalogue import is_known

    path = Path(name).expanduser()
    if not name or is_known(name) or not path.exists():
        return name
    return str(path.parent.resolve() / path.name)  # the name of a link is that of the data


def _check_dataset(name: str, options: Config) -> None:
    from hiervae.datasets.loading import complete_options

    try:
        complete_options(name, options)
    except DatasetNotFoundError as error:
        # That a file is missing is no wrong call; loading will say so.
        if len(Path(name).parts) == 1 and Path(name).suffix not in (".npy", ".npz"):
            raise UsageError(str(error)) from error
    except DataError as error:
        raise UsageError(str(error)) from error


def _section(name: str, value: Any) -> Any:
    """A section with a part's name alone spelled out; refused unless it holds settings."""
    if isinstance(value, str) and name in NAME_KEYS:
        value = {NAME_KEYS[name]: value}
    if not isinstance(value, Mapping) and (value is not None or name != "scheduler"):
        form = "a name or an object" if name in NAME_KEYS else "an object"
        raise UsageError(
            f"{name} is {value!r}; expected {form} of settings, such as {EXAMPLES[name]}."
        )
    return value


def _lay_over(name: str, base: Any, change: Any) -> Any:
    change = _section(name, change)
    if name == "optimizer":
        change = {"config": {}, **change}
    if name == "scheduler" and change is not None:
        base = _without_alternatives(base, change)
    return merge(base, change)


def _without_alternatives(scheduler: Config | None, given: Iterable[str]) -> Config | None:
    """A scheduler's settings but for those that the given options replace."""
    _check_scheduler(scheduler)
    if scheduler is None:
        return None
    with suppress(RegistryError):  # which making the scheduler will tell
        rule = registry.load("hiervae.schedulers", scheduler["name"])
        groups = [group for group in rule.alternatives if not set(group).isdisjoint(given)]
        return _without(scheduler, *(key for group in groups for key in group))
    return scheduler


def _check_scheduler(scheduler: Config | None) -> None:
    if scheduler is None or isinstance(scheduler.get("name"), str):
        return
    if "name" in scheduler or not scheduler:
        raise UsageError(
            f"scheduler is {scheduler!r}; expected settings such as {EXAMPLES['scheduler']}."
        )
    raise UsageError(_without_scheduler(scheduler))


def _without_scheduler(options: Iterable[str]) -> str:
    """What is wrong with options of a scheduler where there is none."""
    first, *others = sorted(options)
    found = f"{', '.join([first, *others])} are options" if others else f"{first} is an option"
    return f"{found} of a scheduler; name one by --scheduler."


def _check_optimizer(optimizer: Config) -> Config:
    """The optimiser's settings with a learning rate that Keras takes, if it is a number."""
    config = optimizer.get("config", {})
    if not isinstance(optimizer.get("class_name"), str) or not isinstance(config, Mapping):
        raise UsageError(
            f"optimizer is {optimizer!r}; expected settings such as {EXAMPLES['optimizer']}."
        )
    rate = config.get("learning_rate")
    if not isinstance(rate, (int, float)):  # such as a schedule
        return optimizer
    if isinstance(rate, bool) or not 0.0 < rate <= sys.float_info.max:
        raise UsageError(
            f"optimizer.config.learning_rate is {rate!r}; expected a positive finite number. Set "
            "one, such as --learning-rate 0.001."
        )
    return {**optimizer, "config": {**config, "learning_rate": float(rate)}}


def _without(settings: Config, *keys: str) -> Config:
    return {key: value for key, value in settings.items() if key not in keys}


def _apply_options(settings: Config, arguments: argparse.Namespace) -> None:
    shorthand = {"kappa": arguments.kappa, "nu": arguments.nu, "tau": arguments.tau}
    options = {key: value for key, value in shorthand.items() if value is not None}
    options |= dict(arguments.scheduler_options)
    if arguments.scheduler is not None:
        settings["scheduler"] = merge(settings["scheduler"], {"name": arguments.scheduler})
    settings["scheduler"] = _without_alternatives(settings["scheduler"], options)
    if options and settings["scheduler"] is None:
        raise UsageError(_without_scheduler(options))
    for key, value in options.items():
        settings["scheduler"][key] = value
    if arguments.learning_rate is not None:
        settings["optimizer"].setdefault("config", {})["learning_rate"] = arguments.learning_rate
    for key in ("epochs", "batch_size", *TRAINING_DEFAULTS):
        if getattr(arguments, key, None) is not None:
            settings["training"][key] = getattr(arguments, key)


def _check(settings: Config) -> None:
    from hiervae.model.core import MODEL_ROLES
    from hiervae.model.hierarchical_vae import HierarchicalVAE

    training = settings["training"]
    arguments = {*inspect.signature(HierarchicalVAE.__init__).parameters}
    known = {
        "model": arguments - {"self", "seed", "kwargs"},
        "training": {"epochs", "batch_size", *TRAINING_DEFAULTS},
        "optimizer": {"class_name", "config", "module", "registered_name"},
    }
    for section, names in known.items():
        unknown = settings[section].keys() - names
        if unknown:
            raise UsageError(
                f"{section} has no setting {', '.join(map(repr, sorted(unknown)))}; expected "
                f"{', '.join(sorted(names))}."
            )
    for role in MODEL_ROLES:
        part = settings["model"].get(role.name, {})
        if not isinstance(part, (str, Mapping)):
            raise UsageError(
                f"model.{role.name} is {part!r}; expected a name, or an object "
                '{"name": ...} with options.'
            )
    settings["optimizer"] = _check_optimizer(settings["optimizer"])
    _check_scheduler(settings["scheduler"])
    missing = known["training"] - training.keys()
    if missing:
        raise UsageError(
            f"training lacks {', '.join(sorted(missing))}; expected "
            f"{', '.join(sorted(known['training']))}."
        )
    for key in ("epochs", "batch_size", "keep_checkpoints"):
        check_positive_int(key, training.get(key))
    if training["learning_rate_decay"] is not None:
        check_choice("learning_rate_decay", training["learning_rate_decay"], LEARNING_RATE_DECAYS)
    if not isinstance(training["initial_weights"], (str, type(None))):
        raise UsageError(
            f"initial_weights is {training['initial_weights']!r}; expected the path of a run "
            "folder, or of a .keras file."
        )
    if training["checkpoint_every"] is not None:
        check_number_between("checkpoint_every", training["checkpoint_every"], 0.0, math.inf)
    if training["checkpoint_every_steps"] is not None:
        check_positive_int("checkpoint_every_steps", training["checkpoint_every_steps"])
    if training["early_stopping_patience"] is not None:
        check_positive_int("early_stopping_patience", training["early_stopping_patience"])
    if training["steps_per_execution"] != "auto":
        check_positive_int("steps_per_execution", training["steps_per_execution"])
