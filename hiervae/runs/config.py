"""Everything that reproduces a run."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib import metadata
from typing import Any

from hiervae import registry
from hiervae.errors import DamagedFileError
from hiervae.runs.files import plain
from hiervae.types import Config

FORMAT = "hiervae run 1"

MAY_CHANGE = (
    "training.epochs",
    "training.steps_per_execution",
    "training.checkpoint_every",
    "training.checkpoint_every_steps",
    "training.keep_checkpoints",
)
"""Settings that may differ when a run is continued: they say how long and how fast, not what."""

LEARNING_RATE_DECAYS = ("cosine",)

_OBJECTS = ("dataset", "model", "optimizer", "scheduler", "training", "parts", "data", "versions")

TRAINING_DEFAULTS: Config = {
    "learning_rate_decay": None,
    "initial_weights": None,
    "early_stopping_patience": None,
    "steps_per_execution": "auto",
    "checkpoint_every": None,
    "checkpoint_every_steps": None,
    "keep_checkpoints": 3,
}
"""Settings of training that need not be given."""


@dataclass(frozen=True)
class RunConfig:
    """The settings of a run, and the facts that it was made with.

    Attributes:
        preset: name of the preset the settings began as; None without one.
        variant: the preset's variant.
        dataset: `name` and `options` for `hiervae.datasets.load`.
        model: arguments of `HierarchicalVAE`, without the seed.
        optimizer: a Keras optimiser as a serialised config.
        scheduler: config of the beta scheduler; None for beta = 1.
        training: `epochs`, `batch_size`, `learning_rate_decay` ("cosine", or None for none),
            `initial_weights` (a run folder or `.keras` file; None for random ones),
            `early_stopping_patience`, `steps_per_execution`, `checkpoint_every` (seconds; None for
            30), `checkpoint_every_steps` (within epochs; None for never), `keep_checkpoints`.
        seed: of the initial weights, the order of the examples and all noise.
        parts: the model's parts as the registry describes them, with their distributions.
        data: what was loaded: checksum, sizes, binarisation, source and licence.
        versions: of Python, Keras and its backend, NumPy, hiervae and the plugins.
    """

    preset: str | None
    variant: str
    dataset: Config
    model: Config
    optimizer: Config
    scheduler: Config | None
    training: Config
    seed: int
    parts: Config = field(default_factory=dict)
    data: Config = field(default_factory=dict)
    versions: Config = field(default_factory=dict)

    def as_dict(self) -> Config:
        """The record that `config.json` holds."""
        record: Config = plain({"format": FORMAT, **asdict(self)})
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], source: str) -> RunConfig:
        """Rebuild from `as_dict()`.

        Args:
            record: what the file holds.
            source: the file's name, for errors.

        Raises:
            DamagedFileError: if it is no such record.
        """
        names = [entry.name for entry in fields(cls)]
        missing = [name for name in names if name not in record]
        if record.get("format") != FORMAT or missing:
            lacking = f", and lacks {', '.join(missing)}" if missing else ""
            raise DamagedFileError(
                f"{source} has the format {record.get('format')!r}{lacking}; expected {FORMAT!r}. "
                "Restore the file that the run was made with."
            )
        for name in _OBJECTS:
            value: object = record[name]
            if not isinstance(value, Mapping) and (value is not None or name != "scheduler"):
                raise DamagedFileError(
                    f"{source}: {name} is {value!r}; expected an object. Restore the file that the "
                    "run was made with."
                )
        dataset, seed = record["dataset"], record["seed"]
        name, options = dataset.get("name"), dataset.get("options")
        if not isinstance(name, str) or not isinstance(options, Mapping):
            raise DamagedFileError(
                f"{source}: dataset is {dataset!r}; expected an object with a name, and an object "
                "of options. Restore the file that the run was made with."
            )
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise DamagedFileError(
                f"{source}: seed is {seed!r}; expected an integer. Restore the file that the run "
                "was made with."
            )
        config = cls(**{name: record[name] for name in names})
        return replace(config, training={**TRAINING_DEFAULTS, **config.training})

    def differences(self, other: RunConfig) -> list[str]:
        """What keeps `other` from going on with this run, one line a setting."""
        here, there = dict(_settings(self)), dict(_settings(other))
        return [
            f"{key} is {here.get(key)!r} in the run and {there.get(key)!r} now"
            for key in sorted(here.keys() | there.keys())
            if key not in MAY_CHANGE and here.get(key) != there.get(key)
        ]


def _settings(config: RunConfig) -> Iterator[tuple[str, Any]]:
    record = config.as_dict()
    for name in ("variant", "dataset", "model", "optimizer", "scheduler", "training", "seed"):
        yield from _leaves(name, record[name])


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, entry in value.items():
            yield from _leaves(f"{path}.{key}", entry)
    else:
        yield path, value


def installed_versions() -> Config:
    """Versions of Python, Keras and its backend, NumPy, hiervae and the plugins' distributions."""
    import keras
    import numpy as np

    backend = keras.backend.backend()
    rows = [row for group in registry.GROUPS for row in registry.entries(group)]
    plugins = {row.distribution: row.version for row in rows if row.distribution}
    return {
        "python": platform.python_version(),
        "platform": sys.platform,
        "hiervae": plugins.pop("hiervae", None),
        "keras": keras.version(),
        "backend": {"name": backend, "version": _version(backend)},
        "numpy": np.__version__,
        "plugins": plugins,
    }


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:  # such as a build of TensorFlow under another name
        return None
