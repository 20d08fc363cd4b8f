"""Small models and data that the tests of the model core share."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import hiervae
from hiervae.callbacks import BetaController
from hiervae.networks import KerasLayers
from hiervae.part import ModelContext

EVENT_SIZE = 6

Array = np.ndarray[Any, Any]


def binary_data(num: int, size: int = EVENT_SIZE, seed: int = 0) -> Array:
    """Zeros and ones of a two-cluster distribution, shape (num, size)."""
    rng = np.random.default_rng(seed)
    first = rng.random((num, 1)) < 0.5
    rates = np.where(first, np.linspace(0.1, 0.9, size), np.linspace(0.8, 0.2, size))
    return (rng.random((num, size)) < rates).astype("float32")


def vhp(num_importance_samples: int = 2, hidden: int = 5, **options: Any) -> dict[str, Any]:
    """The config of a small variational hierarchical prior."""
    return {
        "name": "vhp",
        "latent_dim": 3,
        "num_importance_samples": num_importance_samples,
        "network": {"name": "mlp", "hidden_units": (hidden,), "activation": "tanh"},
        **options,
    }


def small_model(**options: Any) -> hiervae.HierarchicalVAE:
    """A Bernoulli model of 6-dimensional examples with two latents, smooth in its weights."""
    defaults = {
        "latent_dims": 2,
        "network": {"name": "mlp", "hidden_units": (7,), "activation": "tanh"},
        "seed": 0,
    }
    return hiervae.HierarchicalVAE(**{**defaults, **options})


def compiled(model: Any, optimizer: Any = None, **options: Any) -> Any:
    """`model`, compiled."""
    model.compile(optimizer or keras.optimizers.SGD(0.05), **options)
    return model


def rewo(**options: Any) -> BetaController:
    """A REWO controller whose initial phase lasts, unless kappa says otherwise."""
    return BetaController("rewo", **{"kappa": 1e-3, "nu": 0.5, "beta": 0.1, **options})


def pass_through(levels: int = 1) -> KerasLayers:
    """A network that does nothing, so that a model's only maps are its affine heads."""
    layers = [keras.layers.Identity() for _ in range(2 * levels)]
    return KerasLayers(encoder=layers[:levels], decoder=layers[levels:])


def set_normal_head(head: Any, weights: Array, bias: Array, variance: Array) -> None:
    """Make a normal head N(x W + b, variance), with a variance that ignores x."""
    kernel = np.concatenate([weights, np.zeros_like(weights)], axis=1)
    head.dense.set_weights([kernel, np.concatenate([bias, np.log(variance)])])


def context(event_shape: tuple[int, ...], network: Any = None, **options: Any) -> ModelContext:
    """What a part that is tested alone may know of its model."""
    latent_dims = options.pop("latent_dims", (2,))
    defaults = {"latent_dims": latent_dims, "prior_dim": latent_dims[-1]}
    return ModelContext(event_shape=event_shape, network=network, **{**defaults, **options})


def tensor(value: Any) -> Any:
    """An array as a float32 tensor of the backend."""
    return keras.ops.convert_to_tensor(value, dtype="float32")


def numpy_of(value: Any) -> Array:
    """A tensor as a float64 array."""
    return np.asarray(keras.ops.convert_to_numpy(value), dtype="float64")


def weights_of(model: Any) -> dict[str, Array]:
    """Copies of all trainable weights by path."""
    return {w.path: keras.ops.convert_to_numpy(w).copy() for w in model.trainable_variables}
