"""The variational ladder autoencoder (Zhao et al. 2017)."""

from __future__ import annotations

from hiervae.presets.preset import Preset
from hiervae.presets.recipe import Recipe, adam, choose

_SETTINGS = {
    "model": {
        "latent_dims": (2, 2, 2),
        "inference": {
            "name": "vlae",
            "variance": "sigmoid",
            "combine": "gated",
            # Wide enough for the smallest standard deviation, 0.001.
            "log_variance_bounds": (-14.0, 5.0),
        },
        "prior": "standard_normal",
        "likelihood": {"name": "gaussian", "variance": 0.05},
        "network": {
            "name": "conv",
            "encoder_layers": (((64, 4, 2),), ((128, 4, 2),), ()),
            "decoder_layers": ((64, 4, 2), (64, 4, 2)),
            "hidden_units": (1024,),
            "activation": {"name": "leaky_relu", "negative_slope": 0.1},
            "batch_norm": True,
            "kernel_initializer": {"name": "random_normal", "stddev": 0.02},
        },
    },
    "optimizer": adam(2e-4),
    "scheduler": None,
    "training": {"epochs": 50, "batch_size": 100, "early_stopping_patience": None},
}

_COLOUR = {
    "network": {
        "encoder_layers": (((64, 4, 2),), ((128, 4, 2),), ((256, 4, 2),), ()),
        "decoder_layers": ((128, 4, 2), (64, 4, 2), (64, 4, 2)),
    },
}

_VARIANTS = {
    "paper": Recipe(
        _SETTINGS,
        "Zhao et al. (2017): three levels of 2 on MNIST, 5-5-5-10 on SVHN, 10 each on CelebA, "
        "convolutions 4x4 with stride 2, Adam 2e-4, batches of 100; N(0, 0.02) start and batch "
        "normalisation of all hidden layers, where the authors have them everywhere: the heads of "
        "the latents, the output, and the layers v_l that bring a level in have neither; "
        "level inputs are added through gates, for MNIST as published, where Eq. 11 concatenates; "
        "the variance of 0.05, the number of epochs and the decoder's convolutions are ours. There "
        'is no variant "code": the authors\' code trains a weighted mean absolute error (a Laplace '
        "likelihood) and a KL of weight 1 - exp(-step / 2000), and there are neither here",
        {
            "svhn": {"model": {"latent_dims": (5, 5, 5, 10), **_COLOUR}},
            "celeba": {"model": {"latent_dims": (10, 10, 10, 10), **_COLOUR}},
        },
    ),
}


def vlae(dataset: str | None = None, variant: str = "paper") -> Preset:
    """Return the variational ladder autoencoder of Zhao et al. (2017)."""
    return choose("vlae", _VARIANTS, dataset, variant)
