"""The variational hierarchical prior with REWO (Klushyn et al. 2019)."""

from __future__ import annotations

from hiervae.presets.merging import merge
from hiervae.presets.preset import Preset
from hiervae.presets.real_valued import CONV_64, TANH_MLP
from hiervae.presets.recipe import Recipe, adam, choose
from hiervae.types import Config

_SETTINGS: Config = {
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
    "scheduler": {"name": "rewo", "kappa": "auto", "nu": 0.1786, "tau": 3.0, "beta": 0.01},
    "training": {"epochs": 75, "batch_size": 100, "early_stopping_patience": 50},
}


# He's start, made for rectifiers, is too wide for tanh: a quarter of the encoders then begin with a
# ring that is folded, and training tears it open instead of unfolding it. The prior's networks keep
# He's: with a narrower start much of the prior's mass stayed in the hole of the ring.
_TANH_CODER = {**TANH_MLP, "kernel_initializer": "glorot_uniform"}

_PENDULUM: Config = {
    "model": {
        "latent_dims": (2,),
        "prior": {
            "num_importance_samples": 16,
            "evaluation_importance_samples": None,
            "network": TANH_MLP,
        },
        "likelihood": {"name": "gaussian", "variance": 4.0},
        "network": _TANH_CODER,
    },
    "optimizer": adam(1e-3),
    "scheduler": {"kappa": 0.02, "nu": 1.25, "tau": 3.0, "beta": 0.03},
    "training": {"epochs": 60, "batch_size": 128, "early_stopping_patience": None},
}

_CMU_MOCAP: Config = merge(
    _PENDULUM,
    {
        "model": {"likelihood": {"variance": 0.25}},
        "scheduler": {"kappa": 0.5, "nu": 0.1414, "beta": 0.1},
        "training": {"epochs": 100},
    },
)

_IMAGES_64: Config = {
    "model": {
        "likelihood": {"name": "gaussian", "variance": 0.05},
        "network": CONV_64,
    },
    "scheduler": {"nu": 0.0781},
}

# kappa^2 D is 0.95 of the mean training error of this model with a standard normal prior, at
# beta = 1 and after 2,500 steps (the epoch that ends nearest to them, seed 0): 79.4 and 79.7 nats
# on static and dynamic MNIST, 229.8 on Fashion-MNIST, 103.2 on the rebuilt OMNIGLOT. What
# kappa = "auto" measures in training is the same quantity. Motion capture, which trains for 4,100
# steps in all, has 0.97 of the 12.9 nats after 1,050: under 0.95 of those after 2,500 (8.2), the
# initial phase takes more than 40 of the 100 epochs.
_MNIST: Config = {"scheduler": {"kappa": 0.31}}
_OMNIGLOT: Config = {"scheduler": {"kappa": 0.35}}

_FOR_DATASET = {
    "chairs": _IMAGES_64,
    "cmu_mocap": _CMU_MOCAP,
    "faces_3d": _IMAGES_64,
    "fashion_mnist": {"scheduler": {"kappa": 0.53}},
    "mnist": _MNIST,
    "omniglot": _OMNIGLOT,
    "omniglot_rebuilt": _OMNIGLOT,
    "pendulum": _PENDULUM,
    "static_mnist": _MNIST,
}

_CODE_RULE: Config = {
    "scheduler": {
        "nu": 1.0,
        "tau": 100.0,
        "alpha": 0.99,
        "per_dimension": True,
        "normalised": False,
        "update_every": 100,
        # The code clamps the factor of lambda = 1 / beta to [0.9, 1.05].
        "multiplier_bounds": (1 / 1.05, 1 / 0.9),
        # The code's lambda = 1 / beta lies in [1e-6, 1e8], the paper's beta in (0, 1].
        "beta_bounds": (1e-8, 1.0),
    }
}

_OURS = (
    "kappa of MNIST, Fashion-MNIST and OMNIGLOT bounds the error at 0.95 of that of the same model "
    "with a standard normal prior after 2500 steps at beta = 1, that of motion capture at 0.97 "
    "after 1000 steps; for other data but the pendulum the first 2500 steps measure it; kappa, the "
    "start of beta, K, networks, learning rate, batch size, epochs, the Gaussians' variances and "
    "the 32 latents for other data are ours, the paper's appendix with its settings "
    "is not public; those of chairs and faces_3d were not tried on the data"
)

_VARIANTS = {
    "paper": Recipe(
        _SETTINGS,
        "model and rule of Klushyn et al. (2019), 2 latents for the pendulum and motion capture, "
        f"32 for chairs and faces_3d; nu, tau, {_OURS}",
        _FOR_DATASET,
    ),
    "code": Recipe(
        merge(_SETTINGS, _CODE_RULE),
        "the model of Klushyn et al. (2019) with the rule as in the authors' later public code (of "
        "a sequence model): alpha 0.99, tau 100, nu 1, an update every 100 steps by a factor of "
        "lambda = 1 / beta in [0.9, 1.05], lambda in [1e-6, 1e8], which the paper's beta <= 1 "
        "narrows to beta in [1e-8, 1], the constraint per dimension; a fixed-variance Gaussian's "
        "constraint lacks the constant of its negative log-likelihood; that code drops the KL in "
        "the initial phase, here the initial beta weights it, as in the paper; beta rises so "
        f"slowly that our numbers of epochs may end far below 1; {_OURS}",
        {name: merge(change, _CODE_RULE) for name, change in _FOR_DATASET.items()},
    ),
}


def vhp(dataset: str | None = None, variant: str = "paper") -> Preset:
    """Return the VAE with a hierarchical prior of Klushyn et al. (2019), trained by REWO."""
    return choose("vhp", _VARIANTS, dataset, variant)
