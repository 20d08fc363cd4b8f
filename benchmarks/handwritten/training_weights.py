"""Weights and settings of the deeper models by role, for the hand-written training losses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Tree = Any
"""Arrays in dicts and lists; a layer is a list of kernel and bias."""

REWO = {"kappa": 0.02, "nu": 1.25, "tau": 3.0, "alpha": 0.99, "beta": 0.03}
"""REWO of the preset for the pendulum."""

VARIANCE = 4.0
"""Of the pendulum's pixels."""

BOUNDS = (-6.0, 2.0)
"""Of the log-variances of the convolutional models."""

STRIDES = (1, 2, 1, 2, 1)
"""Of the convolutions that encode x."""

CONV_EPOCHS = 100
"""Of the warm-up of beta of the convolutional models."""

WHOLE = ("pseudo_inputs", "conditioning", "masked", "pixels")
"""Weights of the convolutional models that are no two maps side by side."""

MOMENTUM, BATCH_NORM_EPSILON = 0.99, 1e-3
"""Of batch normalisation."""

SLOPE, LADDER_EPOCHS = 0.1, 200
"""Of the ladder: leak of the rectifiers, and epochs of the warm-up of beta."""


def hvae_vamp(model: Any) -> tuple[Tree, Tree]:
    """Weights, and nothing else that the loss carries."""
    first, second, joint = layers_of(model.inference.data_block)
    data = {"data_z1": first, "data_z2": second, "data_joint": joint}
    return _levels(model) | data | {"pixels": _layer(model.likelihood.logits)}, {}


def vhp(model: Any) -> tuple[Tree, Tree]:
    """Weights of model and prior, and REWO's state at the start."""
    scheme, prior = model.inference, model.prior
    own = {
        "encoder": layers_of(scheme.encoders[0], scheme.posterior_heads[0]),
        "decoder": layers_of(scheme.data_block, model.likelihood),
    }
    others = {
        "proposal": layers_of(prior.proposal_block, prior.proposal_head),
        "generative": layers_of(prior.generative_block, prior.generative_head),
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
    used = [*scheme.encoders, *reversed(scheme.decoders), scheme.data_block]
    averages = _averages(layer.normalization for block in used for layer in _hidden_layers(block))
    return weights, {"beta": np.float32(1.0 / LADDER_EPOCHS), "averages": averages}


def conv(model: Any) -> tuple[Tree, Tree]:
    """Weights, and beta of the first epoch."""
    first, second, joint, *others = layers_of(model.inference.data_block)
    data = {"data_z1": first, "data_z2": second, "data_joint": joint, "data": others}
    pixels = _layer(model.likelihood.logits)
    return _levels(model) | data | {"pixels": pixels}, {"beta": np.float32(1.0 / CONV_EPOCHS)}


def pixelcnn(model: Any) -> tuple[Tree, Tree]:
    """Weights, and beta of the first epoch with the running averages."""
    likelihood = model.likelihood
    first, second = layers_of(model.inference.data_block)
    masked = [
        [_array(convolution.kernel), _array(norm.gamma), _array(norm.beta)]
        for convolution, norm in zip(
            likelihood.convolutions, likelihood.normalizations, strict=True
        )
    ]
    kernel, bias = _layer(likelihood.output_conv)
    data = {
        "data_z1": first,
        "data_z2": second,
        "conditioning": _array(likelihood.conditioning.kernel),
        "masked": masked,
        "pixels": [kernel[0, 0], bias],
    }
    averages = _averages(likelihood.normalizations)
    return _levels(model) | data, {"beta": np.float32(1.0 / CONV_EPOCHS), "averages": averages}


def causal_mask(size: int, own: bool) -> np.ndarray[Any, Any]:
    """Ones at the pixels before the middle of a square kernel, and at the middle if `own`."""
    mask = np.zeros((size, size, 1, 1), "float32")
    mask[: size // 2] = mask[size // 2, : size // 2] = 1.0
    mask[size // 2, size // 2] = own
    return mask


def _levels(model: Any) -> Tree:
    """Weights of encoders, conditional prior and pseudo-inputs of two levels, top-down."""
    scheme = model.inference
    *lower_x, lower_z, lower_joint = layers_of(scheme.encoders[0])
    prior_1, prior_2 = layers_of(scheme.decoders[0])
    lower, top = (_layer(head) for head in scheme.posterior_heads)
    return {
        "top_x": layers_of(scheme.encoders[1]),
        "top": top,
        "lower_x": lower_x,
        "lower_z": lower_z,
        "lower_joint": lower_joint,
        "lower": lower,
        "prior_1": prior_1,
        "prior_2": prior_2,
        "prior": _layer(scheme.prior_heads[0]),
        "pseudo_inputs": _array(model.prior.trainable_variables[0]),
    }


def _array(variable: Any) -> np.ndarray[Any, Any]:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable), dtype="float32")


def _layer(layer: Any) -> list[np.ndarray[Any, Any]]:
    return [_array(weight) for weight in layer.trainable_variables]


def layers_of(*parts: Any) -> list[list[np.ndarray[Any, Any]]]:
    """Kernel and bias of each dense layer of some parts."""
    weights = [_array(weight) for part in parts for weight in part.trainable_variables]
    return [list(pair) for pair in zip(weights[::2], weights[1::2], strict=True)]


def _hidden_layers(block: Any) -> list[Any]:
    """The hidden layers of a block of one input, in order."""
    return [*block.branches, *block.trunk]


def _averages(normalisations: Iterable[Any]) -> list[list[np.ndarray[Any, Any]]]:
    """Running mean and variance of each normalisation."""
    return [[_array(each.moving_mean), _array(each.moving_variance)] for each in normalisations]


def _normalised(block: Any) -> list[list[np.ndarray[Any, Any]]]:
    """Kernel, factor and shift of each layer with batch normalisation."""
    weights = [_array(weight) for weight in block.trainable_variables]
    triples = zip(weights[2::3], weights[::3], weights[1::3], strict=True)
    return [list(triple) for triple in triples]
