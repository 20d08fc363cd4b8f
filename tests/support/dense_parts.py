"""Blocks and heads of a small tanh network, by NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from hiervae import registry
from hiervae.inference.base import InferenceScheme
from hiervae.networks import MLP
from tests.support.models import Array, context, numpy_of

UNITS = 6


def built_scheme(
    name: str,
    event_shape: tuple[int, ...],
    dims: tuple[int, ...],
    network: Any = None,
    **options: Any,
) -> Any:
    """A scheme alone, its weights away from where they start."""
    scheme = registry.create("hiervae.inference", {"name": name, **options}, InferenceScheme)
    prior_dim = sum(scheme.governed(dims))
    network = network or MLP((UNITS,), "tanh")
    scheme.prepare(context(event_shape, network, latent_dims=dims, prior_dim=prior_dim))
    scheme.build((None, *event_shape))
    rng = np.random.default_rng(1)
    for weight in scheme.trainable_variables:
        size = tuple(weight.shape)
        weight.assign(rng.normal(scale=1.0 / np.sqrt(np.prod(size[:-1]) or 1), size=size))
    return scheme


def features(block: Any, inputs: Sequence[Array]) -> Array:
    """A block of one tanh layer for each input, joined."""
    weights = [numpy_of(weight) for weight in block.trainable_variables]
    pairs = list(zip(weights[::2], weights[1::2], strict=True))
    hidden = [
        np.tanh(value.reshape(len(value), -1) @ kernel + bias)
        for value, (kernel, bias) in zip(inputs, pairs, strict=True)
    ]
    return np.concatenate(hidden, axis=-1)


def parameters(head: Any, hidden: Array) -> tuple[Array, Array]:
    """Mean and clipped log-variance."""
    kernel, bias = (numpy_of(weight) for weight in head.trainable_variables)
    mean, log_variance = np.split(hidden.reshape(len(hidden), -1) @ kernel + bias, 2, axis=-1)
    return mean, np.clip(log_variance, *head.log_variance_bounds)


def assert_normal(normal: Any, expected: tuple[Array, Array]) -> None:
    """A distribution has this mean and log-variance."""
    for found, wanted in zip((normal.mean, normal.log_variance), expected, strict=True):
        np.testing.assert_allclose(numpy_of(ops.convert_to_tensor(found)), wanted, atol=2e-5)


def kl(q: tuple[Array, Array], p: tuple[Array, Array]) -> Array:
    """KL between diagonal normals given as mean and log-variance, summed over the last axis."""
    (mean_q, log_q), (mean_p, log_p) = q, p
    squared = np.square(mean_q - mean_p) / np.exp(log_p)
    return 0.5 * (np.exp(log_q - log_p) + squared - 1.0 + log_p - log_q).sum(axis=-1)
