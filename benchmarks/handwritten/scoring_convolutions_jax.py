"""Log-likelihoods of convolutional models by hand in JAX, for the loop of `scoring_jax`."""

from __future__ import annotations

from typing import Any

import jax

from benchmarks.handwritten.convolutions_jax import (
    conv_logits,
    encoded,
    latent_maps,
    masked,
)
from benchmarks.handwritten.scoring_jax import LogWeights, log_bernoulli, two_levels
from benchmarks.handwritten.train_jax import Tree, dense, normal
from benchmarks.handwritten.training_weights import BOUNDS


def _latents(weights: Tree, x: jax.Array, count: int) -> Any:
    """Inference of images (batch, 28, 28), as `two_levels` returns it."""

    def top(images: jax.Array) -> Any:
        return normal(weights["top"], encoded(weights["top_x"], images), BOUNDS)

    features, components = encoded(weights["lower_x"], x), top(weights["pseudo_inputs"])
    return two_levels(weights, features, top(x), components, count, BOUNDS)


def conv(weights: Tree, x: jax.Array, count: int) -> LogWeights:
    """Two levels, top-down, gated convolutions, a VampPrior."""
    draws = _latents(weights, x, count)

    def log_weights(key: jax.Array) -> jax.Array:
        z_1, z_2, log_ratio = draws(key)
        return log_bernoulli(x, conv_logits(weights, z_1, z_2, x.shape[1:])) + log_ratio

    return log_weights


def pixelcnn(weights: Tree, x: jax.Array, count: int) -> LogWeights:
    """The same with masked convolutions; what the first one makes of x is computed once."""
    draws = _latents(weights, x, count)
    (kernel, bias), *others = weights["masked"]
    from_x = masked(x[..., None], kernel) + bias

    def log_weights(key: jax.Array) -> jax.Array:
        z_1, z_2, log_ratio = draws(key)
        maps = latent_maps(weights, z_1, z_2, x.shape[1:])
        hidden = jax.nn.relu((maps.reshape(count, *from_x.shape) + from_x).reshape(maps.shape))
        for kernel, bias in others:
            hidden = jax.nn.relu(masked(hidden, kernel) + bias)
        return log_bernoulli(x, dense(weights["pixels"], hidden)) + log_ratio

    return log_weights
