"""The importance-weighted autoencoder (Burda et al. 2016)."""

from __future__ import annotations

import math

from hiervae import datasets
from hiervae.presets.preset import Preset
from hiervae.presets.real_valued import FOR_DATASET, SOURCE
from hiervae.presets.recipe import Recipe, choose
from hiervae.types import Config, Shape

BATCH_SIZE = 20
EPOCHS = 3280
NUM_EXAMPLES = 50_000
"""Training examples where the data set is not known: MNIST's."""

_SOURCE = (
    "tanh layers, K = 50, batches of 20, Adam with epsilon 1e-4, learning rate 0.001 x 10^(-i/7) "
    "for 3^i passes, i = 0 ... 7 (3280 epochs), output bias at the logit of the training mean"
)


def _settings(latent_dims: Shape, hidden_units: tuple[Shape, ...]) -> Config:
    return {
        "model": {
            "latent_dims": latent_dims,
            "inference": "bottom_up",
            "prior": "standard_normal",
            "likelihood": {"name": "bernoulli", "initial_bias": "data"},
            "network": {"name": "mlp", "hidden_units": hidden_units, "activation": "tanh"},
            "bound": "importance_weighted",
            "num_samples": 50,
        },
        "optimizer": {
            "class_name": "Adam",
            "config": {"learning_rate": _learning_rate(NUM_EXAMPLES), "epsilon": 1e-4},
        },
        "scheduler": None,
        "training": {
            "epochs": EPOCHS,
            "batch_size": BATCH_SIZE,
            "early_stopping_patience": None,
        },
    }


def _learning_rate(num_examples: int) -> Config:
    """Return `hiervae.optimizers.StagedDecay` as a serialised Keras object."""
    steps = math.ceil(num_examples / BATCH_SIZE)
    return {
        "class_name": "StagedDecay",
        "module": "hiervae.optimizers",
        "registered_name": "hiervae>StagedDecay",
        "config": {"initial_learning_rate": 1e-3, "steps_per_epoch": steps},
    }


def _for_size(dataset: str | None) -> dict[str, Config]:
    """Return the change that gives the stages the lengths they have on a known data set."""
    if dataset is None or dataset not in datasets.names():
        return {}
    num_examples = datasets.describe(dataset).sizes.get("train")
    if not num_examples:
        return {}
    return {dataset: {"optimizer": {"config": {"learning_rate": _learning_rate(num_examples)}}}}


_IWAE = _settings((50,), ((200, 200),))
_IWAE_2 = _settings((100, 50), ((200, 200), (100, 100)))


def iwae(dataset: str | None = None, variant: str = "paper") -> Preset:
    """Return the importance-weighted autoencoder of one level of Burda et al. (2016)."""
    source = (
        f"Burda et al. (2016): one level of 50, two layers of 200; {_SOURCE}; {SOURCE} and this "
        "paper's epsilon"
    )
    recipe = Recipe(_IWAE, source, {**_for_size(dataset), **FOR_DATASET})
    return choose("iwae", {"paper": recipe}, dataset, variant)


def iwae_2(dataset: str | None = None, variant: str = "paper") -> Preset:
    """Return the importance-weighted autoencoder of two levels of Burda et al. (2016)."""
    source = (
        "Burda et al. (2016): levels of 100 and 50, two layers of 200 between x and the first and "
        f"two of 100 between the two; {_SOURCE}"
    )
    recipe = Recipe(_IWAE_2, source, _for_size(dataset))
    return choose("iwae_2", {"paper": recipe}, dataset, variant)
