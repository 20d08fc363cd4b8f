"""Finding presets by name."""

from __future__ import annotations

import copy
import difflib

from hiervae.model import HierarchicalVAE
from hiervae.presets.iwae import IWAE
from hiervae.presets.ladder import BOTTOM_UP_VAE, LADDER_VAE
from hiervae.presets.preset import Preset
from hiervae.presets.recipe import Recipe
from hiervae.presets.vamp import VAMP_CONV_HVAE, VAMP_HVAE, VAMP_PIXEL_HVAE, VAMP_VAE
from hiervae.presets.vhp import VHP
from hiervae.presets.vlae import VLAE
from hiervae.types import Shape

RECIPES: dict[str, dict[str, Recipe]] = {
    "bottom_up_vae": BOTTOM_UP_VAE,
    "iwae": IWAE,
    "ladder_vae": LADDER_VAE,
    "vamp_conv_hvae": VAMP_CONV_HVAE,
    "vamp_hvae": VAMP_HVAE,
    "vamp_pixel_hvae": VAMP_PIXEL_HVAE,
    "vamp_vae": VAMP_VAE,
    "vhp": VHP,
    "vlae": VLAE,
}


def names() -> tuple[str, ...]:
    """The names of all presets."""
    return tuple(sorted(RECIPES))


def get(name: str, dataset: str | None = None, variant: str = "paper") -> Preset:
    """A preset's settings.

    Args:
        name: one of `names()`.
        dataset: name of the data set it is for, where settings differ by data set.
        variant: "paper", or "code" for the settings of the authors' public code.

    Raises:
        ValueError: if there is no such preset or variant.
    """
    if name not in RECIPES:
        close = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"No preset is called {name!r}; there are {', '.join(names())}.{hint}")
    variants = RECIPES[name]
    if variant not in variants:
        raise ValueError(
            f"The preset {name!r} has no variant {variant!r}; expected one of "
            f"{', '.join(map(repr, variants))}."
        )
    recipe = variants[variant]
    settings = copy.deepcopy(recipe.resolve(dataset))
    return Preset(name=name, variant=variant, source=recipe.source, **settings)


def build(
    name: str,
    input_shape: Shape,
    dataset: str | None = None,
    variant: str = "paper",
    seed: int | None = None,
) -> HierarchicalVAE:
    """A preset's model, built and compiled.

    Args:
        name: one of `names()`.
        input_shape: shape of one example, such as (784,) or (28, 28).
        dataset: name of the data set it is for, where settings differ by data set.
        variant: "paper", or "code" for the settings of the authors' public code.
        seed: of the initial weights and all noise.

    Raises:
        ValueError: if there is no such preset or variant, or `input_shape` is no shape.
    """
    return get(name, dataset, variant).build_model(input_shape, seed)
