"""The ladder VAE and the bottom-up VAE of five levels (Sønderby et al. 2016)."""

from __future__ import annotations

from hiervae.presets.recipe import Recipe, adam
from hiervae.types import Config

_SOURCE = (
    "Sønderby et al. (2016): latents 64-32-16-8-4, two layers of 512, 256, 128, 64, 32 units, "
    "batch normalisation, warm-up over 200 epochs"
)
_UNITS = ((512, 512), (256, 256), (128, 128), (64, 64), (32, 32))
_VARIANTS: dict[str, Config] = {
    "paper": {"slope": 0.1, "learning_rate": 1e-3, "inference": {}},
    "code": {"slope": 0.01, "learning_rate": 2e-3, "inference": {"head_batch_norm": True}},
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
        fewer = {"training": {"epochs": 1500}}
        recipes[variant] = Recipe(settings, _SOURCE, {"omniglot": fewer, "omniglot_rebuilt": fewer})
    return recipes


LADDER_VAE = _recipes("ladder", {"share_top_down": False})
BOTTOM_UP_VAE = _recipes("bottom_up", {})
