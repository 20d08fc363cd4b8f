"""How the settings of a preset are written down."""

from __future__ import annotations

from dataclasses import dataclass, field

from hiervae.presets.merging import merge
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
        resolved: Config = merge(self.settings, self.for_dataset[dataset])
        return resolved


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
