"""The models and data of the rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np

import hiervae
from hiervae.backend import DEFAULT_STEPS_PER_EXECUTION

GATED = {"name": "gated_mlp", "hidden_units": (300, 300)}
LATENTS, COMPONENTS, LEARNING_RATE = 40, 500, 5e-4
_OWN = {
    "standard": {"latent_dims": LATENTS, "prior": "standard_normal"},
    "vamp": {"latent_dims": LATENTS, "prior": {"name": "vamp", "num_components": COMPONENTS}},
    "hvae_vamp": {
        "latent_dims": (LATENTS, LATENTS),
        "inference": "top_down",
        "prior": {"name": "vamp", "num_components": COMPONENTS},
    },
}
_PRESETS = {
    "vhp": ("vhp", "pendulum", (16, 16)),
    "ladder": ("ladder_vae", None, (784,)),
    "conv": ("vamp_conv_hvae", None, (28, 28)),
    "pixelcnn": ("vamp_pixel_hvae", None, (28, 28)),
}
BATCH_SIZES = {"vhp": 128, "ladder": 256}


def build(name: str, seed: int, steps: int, smoke: bool = False, **changes: Any) -> Any:
    """The compiled model of a row; `changes` are arguments of `HierarchicalVAE`."""
    fused = min(DEFAULT_STEPS_PER_EXECUTION, steps)
    if name in _OWN:
        options = {"likelihood": "bernoulli", "network": GATED, "seed": seed} | _OWN[name] | changes
        if smoke:
            options["network"] = {**GATED, "hidden_units": (8, 8)}
        model = hiervae.HierarchicalVAE(**options)
        model.compile(keras.optimizers.Adam(LEARNING_RATE), steps_per_execution=fused)
        model.build((None, 784))
        return model
    preset, dataset, shape = _PRESETS[name]
    chosen = hiervae.presets.get(preset, dataset=dataset)
    prior = chosen.model["prior"]
    if smoke and "num_components" in prior:
        prior = {**prior, "num_components": 8}
        chosen = replace(chosen, model={**chosen.model, "prior": prior})
    return chosen.build_model(shape, seed=seed, steps_per_execution=fused)


def callbacks(name: str) -> list[keras.callbacks.Callback]:
    """The beta scheduler of a row's preset."""
    if name in _OWN:
        return []
    scheduler = hiervae.presets.get(*_PRESETS[name][:2]).scheduler
    return [] if scheduler is None else [hiervae.callbacks.BetaController(scheduler)]


def examples(name: str, count: int, seed: int) -> np.ndarray[Any, Any]:
    """So many examples of a row's model, float32."""
    generator = np.random.default_rng(seed)
    if name == "vhp":
        angles = generator.uniform(0.0, 2.0 * np.pi, count)
        images = hiervae.datasets.render_pendulum(angles)
        return (images + 0.05 * generator.normal(size=images.shape)).astype("float32")
    shape = _PRESETS[name][2] if name in _PRESETS else (784,)
    return (generator.random((count, *shape)) < 0.13).astype("float32")


def products(part: Any, skip: tuple[Any, ...] = ()) -> int:
    """Multiplications a row of the dense layers of a part or model, but for those of `skip`."""
    left_out = {id(weight) for other in skip for weight in other.trainable_variables}
    weights = [weight for weight in part.trainable_variables if id(weight) not in left_out]
    return sum(int(np.prod(weight.shape)) for weight in weights if len(weight.shape) == 2)
