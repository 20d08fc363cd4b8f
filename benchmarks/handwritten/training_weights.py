"""Weights and settings of the deeper models by role, for the hand-written training losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.handwritten.scoring_weights import hvae_weights

Tree = Any
"""Arrays in dicts and lists; a layer is a list of kernel and bias."""

REWO = {"kappa": 0.02, "nu": 1.25, "tau": 3.0, "alpha": 0.99, "beta": 0.03}
"""REWO of the preset for the pendulum."""

VARIANCE = 4.0
"""Of the pendulum's pixels."""

SLOPE, LADDER_EPOCHS = 0.1, 200
"""Of the ladder: leak of the rectifiers, and epochs of the warm-up of beta."""


def hvae_vamp(model: Any) -> tuple[Tree, Tree]:
    """Weights, and nothing else that the loss carries."""
    weights = hvae_weights(model)
    layers = {name: list(pair) for name, pair in weights.items() if name != "pseudo_inputs"}
    return layers | {"pseudo_inputs": _array(model.prior.trainable_variables[0])}, {}


def vhp(model: Any) -> tuple[Tree, Tree]:
    """Weights of model and prior, and REWO's state at the start."""
    scheme, prior = model.inference, model.prior
    own = {
        "encoder": _layers(scheme.encoders[0], scheme.posterior_heads[0]),
        "decoder": _layers(scheme.data_block, model.likelihood),
    }
    others = {
        "proposal": _layers(prior.proposal_block, prior.proposal_head),
        "generative": _layers(prior.generative_block, prior.generative_head),
    }
    state = {"beta": REWO["beta"], "constraint": 0.0, "started": 0.0, "phase": 0.0}
    return {"model": own, "prior": others}, {k: np.float32(v) for k, v in state.items()}


def ladder(model: Any) -> tuple[Tree, Tree]:
    """Weights, and beta of the first epoch with the running averages in the order of their use."""
    scheme = model.inference
    weights = {
        "encoders": [_normalised(block) for block in scheme.encoders],
        "heads": [_layer(head.dense) for head in scheme.posterior_heads],
        "decoders": [_normalised(block) for block in scheme.decoders],
        "priors": [_layer(head.dense) for head in scheme.prior_heads],
        "data": _normalised(scheme.data_block),
        "pixels": _layer(model.likelihood.logits),
    }
    used = [*weights["encoders"], *reversed(weights["decoders"]), weights["data"]]
    sizes = [layer[1].shape for block in used for layer in block]
    averages = [[np.zeros(size, "float32"), np.ones(size, "float32")] for size in sizes]
    return weights, {"beta": np.float32(1.0 / LADDER_EPOCHS), "averages": averages}


def _array(variable: Any) -> np.ndarray[Any, Any]:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable), dtype="float32")


def _layer(layer: Any) -> list[np.ndarray[Any, Any]]:
    return [_array(weight) for weight in layer.trainable_variables]


def _layers(*parts: Any) -> list[list[np.ndarray[Any, Any]]]:
    """Kernel and bias of each dense layer of some parts."""
    weights = [_array(weight) for part in parts for weight in part.trainable_variables]
    return [list(pair) for pair in zip(weights[::2], weights[1::2], strict=True)]


def _normalised(block: Any) -> list[list[np.ndarray[Any, Any]]]:
    """Kernel, factor and shift of each layer with batch normalisation."""
    weights = [_array(weight) for weight in block.trainable_variables]
    triples = zip(weights[2::3], weights[::3], weights[1::3], strict=True)
    return [list(triple) for triple in triples]
