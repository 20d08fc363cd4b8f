"""The variational hierarchical prior with REWO (Klushyn et al. 2019)."""

from __future__ import annotations

from hiervae.presets.recipe import Recipe, adam

_SETTINGS = {
    "model": {
        "latent_dims": (32,),
        "inference": "bottom_up",
        "prior": {
            "name": "vhp",
            "num_importance_samples": 8,
            "evaluation_importance_samples": 1,
            "network": {"name": "gated_mlp", "hidden_units": (256, 256)},
        },
        "likelihood": "bernoulli",
        "network": {"name": "gated_mlp", "hidden_units": (300, 300)},
    },
    "optimizer": adam(5e-4),
    "scheduler": {"name": "rewo", "kappa": 0.3, "nu": 5.0, "tau": 3.0, "beta": 0.01},
    "training": {"epochs": 75, "batch_size": 100, "early_stopping_patience": 50},
}

_PENDULUM = {
    "model": {
        "latent_dims": (2,),
        "prior": {
            "num_importance_samples": 16,
            "evaluation_importance_samples": None,
            "network": {"name": "mlp", "hidden_units": (128, 128), "activation": "tanh"},
        },
        "likelihood": {"name": "gaussian", "variance": 0.25},
        "network": {"name": "mlp", "hidden_units": (128, 128), "activation": "tanh"},
    },
    "optimizer": adam(1e-3),
    "scheduler": {"kappa": 0.1, "nu": 1.0, "tau": 3.0, "beta": 0.1},
    "training": {"epochs": 30, "batch_size": 128, "early_stopping_patience": None},
}

VHP = {
    "paper": Recipe(
        _SETTINGS,
        "model and rule of Klushyn et al. (2019); kappa, nu, tau, K, widths and learning rate are "
        "ours, the paper's appendix with them is not public",
        {"pendulum": _PENDULUM},
    ),
}
