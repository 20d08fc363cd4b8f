"""How the settings of a preset are written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hiervae.presets.merging import merge
from hiervae.presets.preset import Preset
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
        """Return the settings for a data set."""
        if dataset is None or dataset not in self.for_dataset:
            return self.settings
        resolved: Config = merge(self.settings, self.for_dataset[dataset])
        return resolved


def choose(name: str, variants: Mapping[str, Recipe], dataset: str | None, variant: str) -> Preset:
    """Return the preset `name` from the recipes of its variants.

    Raises:
        ValueError: if there is no such variant.
    """
    if variant not in variants:
        raise ValueError(
            f"The preset {name!r} has no variant {variant!r}; expected one of "
            f"{', '.join(map(repr, variants))}."
        )
    recipe = variants[variant]
    return Preset(name=name, variant=variant, source=recipe.source, **recipe.resolve(dataset))


def adam(learning_rate: float) -> Config:
    """Return Adam as a serialised Keras optimiser."""
    return {"class_name": "Adam", "config": {"learning_rate": learning_rate}}


def normalized_adam(learning_rate: float) -> Config:
    """Return `hiervae.optimizers.NormalizedAdam` as a serialised Keras optimiser."""
    return {
        "class_name": "NormalizedAdam",
        "module": "hiervae.optimizers",
        "registered_name": "hiervae>NormalizedAdam",
        "config": {"learning_rate": learning_rate},
    }
