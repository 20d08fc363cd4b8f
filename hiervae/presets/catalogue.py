"""Finding presets by name."""

from __future__ import annotations

import inspect
from dataclasses import replace

from hiervae import registry
from hiervae.errors import (
    BrokenPluginError,
    HiervaeError,
    IncompatiblePluginError,
    UnknownPluginError,
    UnknownPresetError,
)
from hiervae.model import HierarchicalVAE
from hiervae.presets.checking import completed
from hiervae.presets.preset import Preset
from hiervae.registry.explanations import reason, received
from hiervae.registry.resolution import find, load_entry
from hiervae.types import Shape

GROUP = "hiervae.presets"
"""Entry-point group of the functions `(dataset, variant) -> Preset`."""


def names() -> tuple[str, ...]:
    """Return the names of all presets, those of plugins among them; none is imported."""
    return registry.available(GROUP)


def get(name: str, dataset: str | None = None, variant: str = "paper") -> Preset:
    """Return a preset's settings.

    Args:
        name: one of `names()`, or `"distribution:name"`.
        dataset: name of the data set it is for, where settings differ by data set.
        variant: "paper", or "code" for the settings of the authors' public code.

    Raises:
        UnknownPresetError: if there is no such preset; it is a ValueError too.
        ValueError: if there is no such variant.
        PluginConflictError: if more than one distribution offers the preset.
        BrokenPluginError: if a plugin's preset cannot be imported, or fails.
        IncompatiblePluginError: if it is not a function that returns a `Preset`, or a setting of
            it is unknown, missing or of a wrong form.
    """
    try:
        entry = find(GROUP, name)
    except UnknownPluginError as error:
        raise UnknownPresetError(str(error)) from error
    what = f"The preset {entry.name!r} ({entry.origin})"
    function = load_entry(entry)
    try:
        inspect.signature(function).bind(dataset=dataset, variant=variant)
    except (TypeError, ValueError) as error:  # such as of a function that is not Python's
        raise IncompatiblePluginError(
            f"{what} takes other arguments ({error}). Expected a function "
            'f(dataset=None, variant="paper") that returns a hiervae.presets.Preset.'
        ) from error
    try:
        preset = function(dataset=dataset, variant=variant)
    except (HiervaeError, ValueError, MemoryError):
        raise
    except Exception as error:
        raise BrokenPluginError(
            f"{what} failed: {reason(error)}. Expected a hiervae.presets.Preset. Repair or "
            "reinstall the plugin, or choose another preset."
        ) from error
    if not isinstance(preset, Preset):
        raise IncompatiblePluginError(
            f"{what} returned {received(preset)}. Expected a hiervae.presets.Preset. Repair or "
            "reinstall the plugin, or choose another preset."
        )
    if preset.variant != variant:
        raise ValueError(
            f"The preset {name!r} has no variant {variant!r}; it returned {preset.variant!r}."
        )
    return replace(completed(what, preset), name=name)


def build(
    name: str,
    input_shape: Shape,
    dataset: str | None = None,
    variant: str = "paper",
    seed: int | None = None,
) -> HierarchicalVAE:
    """Return a preset's model, built and compiled.

    Args:
        name: one of `names()`, or `"distribution:name"`.
        input_shape: shape of one example, such as (784,) or (28, 28).
        dataset: name of the data set it is for, where settings differ by data set.
        variant: "paper", or "code" for the settings of the authors' public code.
        seed: of the initial weights and all noise.

    Raises:
        ValueError: if there is no such preset or variant, or `input_shape` is no shape.
        RegistryError: as from `get`.
    """
    return get(name, dataset, variant).build_model(input_shape, seed)
