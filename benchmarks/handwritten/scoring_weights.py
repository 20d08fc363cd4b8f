"""Weights by role for the hand-written log-likelihoods: those of the losses, made ready.

Pseudo-inputs are clipped to their range, and what batch normalisation does outside training is part
of the layer before it.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from benchmarks.handwritten import training_weights
from benchmarks.handwritten.training_weights import BATCH_NORM_EPSILON, Tree, causal_mask, layers_of

_ROLES = ("encoder_1", "encoder_2", "posterior", "decoder_1", "decoder_2", "pixels")


def one_level(model: Any) -> Tree:
    """Those of two gated layers each way, and a VampPrior's pseudo-inputs."""
    layers = layers_of(model.inference, model.likelihood)
    prior = {} if model.prior.pseudo_inputs is None else _pseudo_inputs(model)
    return dict(zip(_ROLES, layers, strict=True)) | prior


def hvae_vamp(model: Any) -> Tree:
    """Those of two levels, top-down, with a VampPrior."""
    return training_weights.hvae_vamp(model)[0] | _pseudo_inputs(model)


def vhp(model: Any) -> Tree:
    """Those of model and prior."""
    return training_weights.vhp(model)[0]


def ladder(model: Any) -> Tree:
    """Those of five levels."""
    weights, extra = training_weights.ladder(model)
    averages = iter(extra["averages"])

    def folded(block: Any) -> Tree:
        return [_folded(*layer, *next(averages)) for layer in block]

    encoders = list(map(folded, weights["encoders"]))
    decoders = list(map(folded, reversed(weights["decoders"])))[::-1]
    blocks = {"encoders": encoders, "decoders": decoders, "data": folded(weights["data"])}
    return weights | blocks


def conv(model: Any) -> Tree:
    """Those of two levels with convolutions."""
    return training_weights.conv(model)[0] | _pseudo_inputs(model)


def pixelcnn(model: Any) -> Tree:
    """Those of the same with masked convolutions, of which only rows that are seen are kept."""
    weights, extra = training_weights.pixelcnn(model)
    masked = []
    for index, (layer, averages) in enumerate(
        zip(weights["masked"], extra["averages"], strict=True)
    ):
        kernel, bias = _folded(*layer, *averages)
        size = len(kernel)
        masked.append([(kernel * causal_mask(size, index > 0))[: size // 2 + 1], bias])
    (_, factor, _), (_, variance) = weights["masked"][0], extra["averages"][0]
    conditioning = weights["conditioning"] * _scale(factor, variance)
    return weights | {"masked": masked, "conditioning": conditioning} | _pseudo_inputs(model)


def _pseudo_inputs(model: Any) -> Tree:
    return {"pseudo_inputs": keras.ops.convert_to_numpy(model.prior.pseudo_inputs)}


def _scale(factor: Any, variance: Any) -> Any:
    return factor / np.sqrt(variance + BATCH_NORM_EPSILON)


def _folded(kernel: Any, factor: Any, shift: Any, mean: Any, variance: Any) -> list[Any]:
    """Kernel and bias of a layer and the normalisation behind it."""
    scale = _scale(factor, variance)
    return [kernel * scale, shift - mean * scale]
