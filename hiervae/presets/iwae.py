"""The importance-weighted autoencoder (Burda et al. 2016)."""

from __future__ import annotations

from hiervae.presets.preset import Preset
from hiervae.presets.recipe import Recipe, choose

_SETTINGS = {
    "model": {
        "latent_dims": (50,),
        "inference": "bottom_up",
        "prior": "standard_normal",
        "likelihood": {"name": "bernoulli", "initial_bias": "data"},
        "network": {"name": "mlp", "hidden_units": (200, 200), "activation": "tanh"},
        "bound": "importance_weighted",
        "num_samples": 50,
    },
    "optimizer": {"class_name": "Adam", "config": {"learning_rate": 1e-3, "epsilon": 1e-4}},
    "scheduler": None,
    "training": {"epochs": 300, "batch_size": 20, "early_stopping_patience": None},
}

_VARIANTS = {
    "paper": Recipe(
        _SETTINGS,
        "Burda et al. (2016): one level of 50, two tanh layers of 200, K = 50, batches of 20, "
        "Adam with epsilon 1e-4, output bias at the logit of the training mean; the paper lowers "
        "the learning rate over 3280 epochs, here it stays at 1e-3 for 300",
    ),
}


def iwae(dataset: str | None = None, variant: str = "paper") -> Preset:
    """Return the importance-weighted autoencoder of Burda et al. (2016)."""
    return choose("iwae", _VARIANTS, dataset, variant)
