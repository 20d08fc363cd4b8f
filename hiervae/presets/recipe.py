"""How the settings of a preset are written down."""

from __future__ import annotations

from dataclasses import dataclass, field

from hiervae.types import Config


@dataclass(frozen=True)
class Recipe:
    """The settings of one variant of a preset.

    Attributes:
        settings: `model`, `optimizer`, `scheduler` and `training`, for any data.
        source: where the settings come from.
        for_dataset: by data set, the settings that differ; merged key by key.
    """

    settings: Config
    source: str
    for_dataset: dict[str, Config] = field(default_factory=dict)

    def resolve(self, dataset: str | None) -> Config:
        """The settings for a data set."""
        if dataset is None or dataset not in self.for_dataset:
            return self.settings
        return _merge(self.settings, self.for_dataset[dataset])


def adam(learning_rate: float) -> Config:
    """Adam as a serialised Keras optimiser."""
    return {"class_name": "Adam", "config": {"learning_rate": learning_rate}}


def normalized_adam(learning_rate: float) -> Config:
    """`hiervae.optimizers.NormalizedAdam` as a serialised Keras optimiser."""
    return {
        "class_name": "NormalizedAdam",
        "module": "hiervae.optimizers",
        "registered_name": "hiervae>NormalizedAdam",
        "config": {"learning_rate": learning_rate},
    }


def _merge(base: Config, changes: Config) -> Config:
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and _same_part(old, value):
            value = _merge(old, value)
        merged[key] = value
    return merged


def _same_part(old: Config, new: Config) -> bool:
    """Whether the settings of a part change; under another name they replace it."""
    return "name" not in new or old.get("name") == new["name"]
