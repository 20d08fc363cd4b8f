"""The weights of a gated MLP model by role, for the hand-written log-likelihoods."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

Weights = dict[str, Any]
"""Kernel and bias of each layer by role, and `pseudo_inputs` where the prior has some."""


def _layer(layer: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    kernel, bias = (np.asarray(weight, dtype="float32") for weight in layer.get_weights())
    return kernel, bias


def _hidden(layer: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return _layer(layer.dense)


def one_level_weights(model: Any) -> Weights:
    """Weights of a one-level model with two gated layers, and a VampPrior's pseudo-inputs."""
    scheme = model.inference
    encoder, decoder = scheme.encoders[0], scheme.data_block
    pseudo_inputs = model.prior.pseudo_inputs
    prior = {}
    if pseudo_inputs is not None:
        prior["pseudo_inputs"] = keras.ops.convert_to_numpy(pseudo_inputs)
    return {
        **prior,
        "encoder_1": _hidden(encoder.branches[0]),
        "encoder_2": _hidden(encoder.trunk[0]),
        "posterior": _layer(scheme.posterior_heads[0].dense),
        "decoder_1": _hidden(decoder.branches[0]),
        "decoder_2": _hidden(decoder.trunk[0]),
        "pixels": _layer(model.likelihood.logits),
    }


def hvae_weights(model: Any) -> Weights:
    """Weights of the two-level top-down model with two gated layers and a VampPrior."""
    scheme = model.inference
    lower, upper = scheme.encoders
    prior, data = scheme.decoders[0], scheme.data_block
    return {
        "top_1": _hidden(upper.branches[0]),
        "top_2": _hidden(upper.trunk[0]),
        "top": _layer(scheme.posterior_heads[1].dense),
        "lower_x": _hidden(lower.branches[0]),
        "lower_z": _hidden(lower.branches[1]),
        "lower_joint": _hidden(lower.trunk[0]),
        "lower": _layer(scheme.posterior_heads[0].dense),
        "prior_1": _hidden(prior.branches[0]),
        "prior_2": _hidden(prior.trunk[0]),
        "prior": _layer(scheme.prior_heads[0].dense),
        "data_z1": _hidden(data.branches[0]),
        "data_z2": _hidden(data.branches[1]),
        "data_joint": _hidden(data.trunk[0]),
        "pixels": _layer(model.likelihood.logits),
        "pseudo_inputs": keras.ops.convert_to_numpy(model.prior.pseudo_inputs),
    }
