"""The VampPrior and the two-level HVAE (Tomczak & Welling 2018)."""

from __future__ import annotations

from typing import Any

from hiervae.presets.preset import Preset
from hiervae.presets.real_valued import FOR_DATASET, SOURCE
from hiervae.presets.recipe import Recipe, choose, normalized_adam
from hiervae.types import Config

_SOURCE = (
    "Tomczak & Welling (2018): gated layers of 300, K = 500 (1000 on OMNIGLOT), Adam 5e-4 with "
    "normalised gradients, warm-up over 100 epochs, patience 50"
)
_INITIALIZERS = {"paper": "glorot_uniform", "code": "he_normal"}
_STARTS = {
    "paper": "Glorot start",
    "code": "He normal start of the hidden layers, where the authors have it everywhere: the heads "
    "of the latents and of the likelihood keep Glorot's; Bernoulli probabilities are not clipped "
    "to [1e-5, 1 - 1e-5]",
}

# The encoder of z_1 has 3x3 kernels alone.
_CONVOLUTIONS = (
    ((32, 3, 1), (32, 3, 2), (64, 3, 1), (64, 3, 2), (6, 3, 1)),
    ((32, 7, 1), (32, 3, 2), (64, 5, 1), (64, 3, 2), (6, 3, 1)),
)

_GREY: Config = {
    "likelihood": {"name": "discretized_logistic"},
    "prior": {"initial_mean": 0.5, "initial_stddev": 0.02},
}
_FOR_DATASET: dict[str, Config] = {
    "omniglot": {"prior": {"num_components": 1000}},
    "omniglot_rebuilt": {"prior": {"num_components": 1000}},
    "caltech101_silhouettes": {"prior": {"initial_mean": 0.5, "initial_stddev": 0.02}},
    "frey_faces": _GREY,
    "histopathology": {**_GREY, "prior": {"initial_mean": 0.4, "initial_stddev": 0.05}},
}


_MOMENTS = {
    "chairs": (0.5, 0.02),
    "cmu_mocap": (0.0, 1.0),
    "faces_3d": (0.5, 0.02),
    "pendulum": (0.1, 0.1),
}
"""Mean and standard deviation of the pseudo-inputs' start on real-valued data; ours."""


def _recipes(
    network: Config,
    levels: int,
    source: str,
    likelihood: Any = None,
    grey_likelihood: Config | None = None,
) -> dict[str, Recipe]:
    def recipe(variant: str) -> Recipe:
        settings = {
            "model": {
                "latent_dims": (40,) * levels,
                "inference": {
                    "name": "bottom_up" if levels == 1 else "top_down",
                    "log_variance_bounds": (-6.0, 2.0),
                },
                "prior": {
                    "name": "vamp",
                    "num_components": 500,
                    "initial_mean": 0.05,
                    "initial_stddev": 0.01,
                },
                "likelihood": likelihood or {"name": "bernoulli"},
                "network": {**network, "kernel_initializer": _INITIALIZERS[variant]},
            },
            "optimizer": normalized_adam(5e-4),
            "scheduler": {"name": "linear_warmup", "epochs": 100},
            "training": {"epochs": 2000, "batch_size": 100, "early_stopping_patience": 50},
        }
        changes = {
            dataset: {"model": _with_likelihood(change, grey_likelihood)}
            for dataset, change in _FOR_DATASET.items()
        }
        if levels == 1:
            changes |= {
                dataset: _baseline(dataset, change, variant)
                for dataset, change in FOR_DATASET.items()
            }
        return Recipe(settings, f"{source}; {_STARTS[variant]}", changes)

    return {variant: recipe(variant) for variant in _STARTS}


def _baseline(dataset: str, change: Config, variant: str) -> Config:
    """Return `FOR_DATASET`'s change with this paper's optimiser and pseudo-inputs like the data."""
    mean, stddev = _MOMENTS[dataset]
    network = change["model"]["network"]
    if network["name"] != "mlp":  # tanh layers keep Glorot's start
        network = {**network, "kernel_initializer": _INITIALIZERS[variant]}
    prior = {"initial_mean": mean, "initial_stddev": stddev}
    return {
        "model": {**change["model"], "network": network, "prior": prior},
        "scheduler": {"epochs": 20},
        "training": change["training"],
    }


def _with_likelihood(change: Config, likelihood: Config | None) -> Config:
    if likelihood is None or "likelihood" not in change:
        return change
    return {**change, "likelihood": likelihood}


_GATED_MLP = {"name": "gated_mlp", "hidden_units": (300, 300)}
_GATED_CONV = {"name": "gated_conv", "encoder_layers": _CONVOLUTIONS}

_VAMP_VAE = _recipes(
    _GATED_MLP, 1, f"{_SOURCE}; {SOURCE}; there the optimiser is this paper's, warm-up 20 epochs"
)
_VAMP_HVAE = _recipes(_GATED_MLP, 2, _SOURCE)
_VAMP_CONV_HVAE = _recipes(
    _GATED_CONV, 2, f"{_SOURCE}; convolutions of the authors' code, 294 features at 28x28"
)
_CHANNELS = {"name": "pixelcnn", "num_conditioning_channels": None}
_VAMP_PIXEL_HVAE = _recipes(
    {"name": "pixel_conv", "encoder_layers": _CONVOLUTIONS},
    2,
    f"{_SOURCE}; each latent mapped to one image channel beside x by a gated layer, and eight "
    "masked 3x3 convolutions of 64, which start He normal in both variants; the channels of the "
    "latents are not masked; greys have a discretised logistic",
    likelihood={**_CHANNELS, "levels": 2},
    grey_likelihood={**_CHANNELS, "levels": 256, "grey_distribution": "discretized_logistic"},
)


def vamp_vae(dataset: str | None = None, variant: str = "paper") -> Preset:
    """Return the VAE with a VampPrior of Tomczak & Welling (2018)."""
    return choose("vamp_vae", _VAMP_VAE, dataset, variant)


def vamp_hvae(dataset: str | None = None, variant: str = "paper") -> Preset:
    """Return the two-level VAE with a VampPrior of Tomczak & Welling (2018)."""
    return choose("vamp_hvae", _VAMP_HVAE, dataset, variant)


def vamp_conv_hvae(dataset: str | None = None, variant: str = "paper") -> Preset:
    """Return the two-level convolutional VAE with a VampPrior of Tomczak & Welling (2018)."""
    return choose("vamp_conv_hvae", _VAMP_CONV_HVAE, dataset, variant)


def vamp_pixel_hvae(dataset: str | None = None, variant: str = "paper") -> Preset:
    """Return the two-level VAE of Tomczak & Welling (2018) with an autoregressive decoder."""
    return choose("vamp_pixel_hvae", _VAMP_PIXEL_HVAE, dataset, variant)
