"""Losses of convolutional models in plain JAX, for the loop of `train_jax`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.handwritten.hierarchies_jax import kl_normal
from benchmarks.handwritten.train_jax import (
    Tree,
    dense,
    draw,
    gate,
    gated,
    log_bernoulli,
    log_mixture,
    log_normal,
    normal,
)
from benchmarks.handwritten.training_weights import (
    BATCH_NORM_EPSILON,
    BOUNDS,
    MOMENTUM,
    STRIDES,
    causal_mask,
)


def convolved(
    images: jax.Array, kernel: jax.Array, stride: int = 1, padding: Any = "SAME"
) -> jax.Array:
    """Images (n, h, w, c) with a kernel (k, k, c, filters), zeros beyond the edge."""
    return jax.lax.conv_general_dilated(
        images, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _gated_convolutions(layers: Any, strides: Any, images: jax.Array) -> jax.Array:
    for (kernel, bias), stride in zip(layers, strides, strict=True):
        images = gate(convolved(images, kernel, stride) + bias)
    return images


def encoded(layers: Any, images: jax.Array) -> jax.Array:
    """Features (n, 294) of images (n, 28, 28)."""
    return _gated_convolutions(layers, STRIDES, images[..., None]).reshape(len(images), -1)


def _latents(weights: Tree, x: jax.Array, key: jax.Array) -> Any:
    """Draws of both levels and the KL, two levels, top-down, with a VampPrior."""
    first, second = jax.random.split(key)
    joined = jnp.concatenate([x, jnp.clip(weights["pseudo_inputs"], 0.0, 1.0)])
    mean, log_variance = normal(weights["top"], encoded(weights["top_x"], joined), BOUNDS)
    components = mean[len(x) :], log_variance[len(x) :]
    top = mean[: len(x)], log_variance[: len(x)]
    z_2 = draw(*top, jax.random.normal(first, top[0].shape))
    both = [encoded(weights["lower_x"], x), gated(weights["lower_z"], z_2)]
    hidden = gated(weights["lower_joint"], jnp.concatenate(both, axis=-1))
    lower = normal(weights["lower"], hidden, BOUNDS)
    z_1 = draw(*lower, jax.random.normal(second, lower[0].shape))
    hidden = gated(weights["prior_2"], gated(weights["prior_1"], z_2))
    kl_1 = kl_normal(lower, normal(weights["prior"], hidden, BOUNDS))
    kl_2 = log_normal(z_2, *top) - log_mixture(z_2, *components)
    return z_1, z_2, kl_1 + kl_2


def conv_logits(weights: Tree, z_1: jax.Array, z_2: jax.Array, size: tuple[int, ...]) -> jax.Array:
    """Logits of the pixels, (n, height, width)."""
    both = [gated(weights["data_z1"], z_1), gated(weights["data_z2"], z_2)]
    image = gated(weights["data_joint"], jnp.concatenate(both, axis=-1)).reshape(-1, *size, 1)
    layers = weights["data"]
    return dense(weights["pixels"], _gated_convolutions(layers, [1] * len(layers), image))[..., 0]


def latent_maps(weights: Tree, z_1: jax.Array, z_2: jax.Array, size: tuple[int, ...]) -> jax.Array:
    """What the latents add to the first masked convolution, (n, height, width, filters)."""
    maps = [gated(weights["data_z1"], z_1), gated(weights["data_z2"], z_2)]
    channels = jnp.stack([each.reshape(-1, *size) for each in maps], axis=-1)
    return convolved(channels, weights["conditioning"])


def masked(images: jax.Array, kernel: jax.Array) -> jax.Array:
    """A convolution with the upper rows of a kernel, the middle one the last of them."""
    above, sides = kernel.shape[0] - 1, kernel.shape[1] // 2
    return convolved(images, kernel, padding=[(above, 0), (sides, sides)])


def conv_loss(weights: Tree, extra: Tree, x: jax.Array, key: jax.Array) -> Any:
    """The two-level HVAE of Tomczak & Welling (2018) with gated convolutions; `extra` has beta."""
    z_1, z_2, kl = _latents(weights, x, key)
    logits = conv_logits(weights, z_1, z_2, x.shape[1:])
    return jnp.mean(extra["beta"] * kl - log_bernoulli(x, logits)), extra


def pixelcnn_loss(weights: Tree, extra: Tree, x: jax.Array, key: jax.Array) -> Any:
    """The same with a channel for each latent beside x, and masked convolutions.

    `extra` has beta, and the running mean and variance of each normalisation.
    """
    z_1, z_2, kl = _latents(weights, x, key)
    hidden, averages = x[..., None], []
    for index, (kernel, factor, shift) in enumerate(weights["masked"]):
        mask = causal_mask(kernel.shape[0], index > 0)
        hidden = masked(hidden, (kernel * mask)[: len(mask) // 2 + 1])
        if index == 0:
            hidden = hidden + latent_maps(weights, z_1, z_2, x.shape[1:])
        mean, variance = jnp.mean(hidden, (0, 1, 2)), jnp.var(hidden, (0, 1, 2))
        scale = factor * jax.lax.rsqrt(variance + BATCH_NORM_EPSILON)
        hidden = jax.nn.relu(hidden * scale + (shift - mean * scale))
        now = map(jax.lax.stop_gradient, (mean, variance))
        pairs = zip(extra["averages"][index], now, strict=True)
        averages.append([old * MOMENTUM + new * (1.0 - MOMENTUM) for old, new in pairs])
    logits = dense(weights["pixels"], hidden)
    loss = jnp.mean(extra["beta"] * kl - log_bernoulli(x, logits[..., 0]))
    return loss, {"beta": extra["beta"], "averages": averages}
