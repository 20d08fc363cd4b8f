"""The ladder VAE and the bottom-up VAE of five levels (Sønderby et al. 2016)."""

from __future__ import annotations

from hiervae.presets.preset import Preset
from hiervae.presets.recipe import Recipe, adam, choose
from hiervae.types import Config

_SOURCE = (
    "Sønderby et al. (2016): latents 64-32-16-8-4, two layers of 512, 256, 128, 64, 32 units, "
    "batch normalisation, warm-up over 200 epochs; on small NORB tanh and a Gaussian of predicted "
    "mean and variance, here the exponential of an output where the paper has a softplus; the "
    "fine-tuning that follows in the paper is a run of its own, `hiervae train --initial-weights`"
)
_UNITS = ((512, 512), (256, 256), (128, 128), (64, 64), (32, 32))
_VARIANTS: dict[str, Config] = {
    "paper": {
        "slope": 0.1,
        "learning_rate": 1e-3,
        "inference": {},
        "source": "rectifiers leak 0.1, Adam 1e-3",
    },
    "code": {
        "slope": 0.01,
        "learning_rate": 2e-3,
        "inference": {"head_batch_norm": True},
        "source": "rectifiers leak 0.01, Adam 2e-3, batch normalisation of the heads too; its "
        "statistics for scoring are moving averages, the authors' of a pass over the training set",
    },
}
_OMNIGLOT: Config = {"training": {"epochs": 1500}}
_FOR_DATASET: dict[str, Config] = {
    "omniglot": _OMNIGLOT,
    "omniglot_rebuilt": _OMNIGLOT,
    "small_norb": {
        "model": {
            "likelihood": {"name": "gaussian", "variance": "predicted"},
            "network": {"activation": "tanh"},
        },
    },
}


def _recipes(inference: str, code_options: Config) -> dict[str, Recipe]:
    recipes = {}
    for variant, chosen in _VARIANTS.items():
        options = {**chosen["inference"], **(code_options if variant == "code" else {})}
        settings = {
            "model": {
                "latent_dims": (64, 32, 16, 8, 4),
                "inference": {"name": inference, "variance": "softplus", **options},
                "prior": "standard_normal",
                "likelihood": "bernoulli",
                "network": {
                    "name": "mlp",
                    "hidden_units": _UNITS,
                    "activation": {"name": "leaky_relu", "negative_slope": chosen["slope"]},
                    "batch_norm": True,
                },
            },
            "optimizer": adam(chosen["learning_rate"]),
            "scheduler": {"name": "linear_warmup", "epochs": 200},
            "training": {"epochs": 2000, "batch_size": 256, "early_stopping_patience": None},
        }
        recipes[variant] = Recipe(settings, f"{_SOURCE}; {chosen['source']}", _FOR_DATASET)
    return recipes


_LADDER_VAE = _recipes("ladder", {"share_top_down": False})
_BOTTOM_UP_VAE = _recipes("bottom_up", {})


def ladder_vae(dataset: str | None = None, variant: str = "paper") -> Preset:
    """Return the ladder VAE of Sønderby et al. (2016)."""
    return choose("ladder_vae", _LADDER_VAE, dataset, variant)


def bottom_up_vae(dataset: str | None = None, variant: str = "paper") -> Preset:
    """Return the VAE of five levels that Sønderby et al. (2016) compare the ladder with."""
    return choose("bottom_up_vae", _BOTTOM_UP_VAE, dataset, variant)
