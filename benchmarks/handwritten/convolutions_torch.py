"""Losses of convolutional models in plain PyTorch, for the loop of `train_torch`."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from benchmarks.handwritten.hierarchies_torch import (
    draw,
    kl_normal,
    log_normal,
)
from benchmarks.handwritten.train_torch import (
    Tree,
    gate,
    gated,
    log_bernoulli,
    log_mixture,
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
    images: torch.Tensor, kernel: torch.Tensor, bias: Any = None, stride: int = 1
) -> torch.Tensor:
    """Images (n, c, h, w) with a kernel (k, k, c, filters), zeros beyond the edge."""
    size = kernel.shape[0]
    padding = size // 2
    if stride > 1:  # the zeros that are missing are at the end
        images, padding = functional.pad(images, (0, size - stride, 0, size - stride)), 0
    return functional.conv2d(images, kernel.permute(3, 2, 0, 1), bias, stride, padding)


def _gated_convolutions(layers: Any, strides: Any, images: torch.Tensor) -> torch.Tensor:
    for (kernel, bias), stride in zip(layers, strides, strict=True):
        images = gate(convolved(images, kernel, bias, stride), axis=1)
    return images


def encoded(layers: Any, images: torch.Tensor) -> torch.Tensor:
    """Features (n, 294) of images (n, 28, 28), channels last."""
    features = _gated_convolutions(layers, STRIDES, images[:, None])
    return features.permute(0, 2, 3, 1).flatten(1)


def _latents(weights: Tree, x: torch.Tensor) -> Any:
    """Draws of both levels and the KL, two levels, top-down, with a VampPrior."""
    joined = torch.cat([x, weights["pseudo_inputs"].clamp(0.0, 1.0)])
    mean, log_variance = normal(weights["top"], encoded(weights["top_x"], joined), BOUNDS)
    components = mean[len(x) :], log_variance[len(x) :]
    top = mean[: len(x)], log_variance[: len(x)]
    z_2 = draw(*top)
    both = [encoded(weights["lower_x"], x), gated(weights["lower_z"], z_2)]
    lower = normal(weights["lower"], gated(weights["lower_joint"], torch.cat(both, -1)), BOUNDS)
    z_1 = draw(*lower)
    hidden = gated(weights["prior_2"], gated(weights["prior_1"], z_2))
    kl_1 = kl_normal(lower, normal(weights["prior"], hidden, BOUNDS))
    kl_2 = log_normal(z_2, *top) - log_mixture(z_2, *components)
    return z_1, z_2, kl_1 + kl_2


def logits_of(layer: Any, hidden: torch.Tensor) -> torch.Tensor:
    """One logit a pixel of features (n, c, h, w)."""
    kernel, bias = layer
    return functional.conv2d(hidden, kernel.reshape(1, -1, 1, 1), bias)[:, 0]


def conv_logits(
    weights: Tree, z_1: torch.Tensor, z_2: torch.Tensor, size: tuple[int, ...]
) -> torch.Tensor:
    """Logits of the pixels, (n, height, width)."""
    both = [gated(weights["data_z1"], z_1), gated(weights["data_z2"], z_2)]
    image = gated(weights["data_joint"], torch.cat(both, -1)).reshape(-1, 1, *size)
    layers = weights["data"]
    return logits_of(weights["pixels"], _gated_convolutions(layers, [1] * len(layers), image))


def latent_maps(
    weights: Tree, z_1: torch.Tensor, z_2: torch.Tensor, size: tuple[int, ...]
) -> torch.Tensor:
    """What the latents add to the first masked convolution, (n, filters, height, width)."""
    maps = [gated(weights["data_z1"], z_1), gated(weights["data_z2"], z_2)]
    channels = torch.stack([each.reshape(-1, *size) for each in maps], dim=1)
    return convolved(channels, weights["conditioning"])


def masked(images: torch.Tensor, kernel: torch.Tensor, bias: Any = None) -> torch.Tensor:
    """A convolution with the upper rows of a kernel, the middle one the last of them."""
    above, sides = kernel.shape[0] - 1, kernel.shape[1] // 2
    images = functional.pad(images, (sides, sides, above, 0))
    return functional.conv2d(images, kernel.permute(3, 2, 0, 1), bias)


def conv_loss(weights: Tree, extra: Tree, x: torch.Tensor) -> torch.Tensor:
    """The two-level HVAE of Tomczak & Welling (2018) with gated convolutions; `extra` has beta."""
    z_1, z_2, kl = _latents(weights, x)
    logits = conv_logits(weights, z_1, z_2, x.shape[1:])
    return (extra["beta"] * kl - log_bernoulli(x, logits)).mean()


def pixelcnn_loss(weights: Tree, extra: Tree, x: torch.Tensor) -> torch.Tensor:
    """The same with a channel for each latent beside x, and masked convolutions.

    `extra` has beta, and the running averages of the normalisations, which are advanced.
    """
    z_1, z_2, kl = _latents(weights, x)
    hidden = x[:, None]
    for index, (kernel, factor, shift) in enumerate(weights["masked"]):
        mask = torch.from_numpy(causal_mask(kernel.shape[0], index > 0))
        hidden = masked(hidden, (kernel * mask)[: len(mask) // 2 + 1])
        if index == 0:
            hidden = hidden + latent_maps(weights, z_1, z_2, x.shape[1:])
        hidden = functional.batch_norm(
            hidden,
            *extra["averages"][index],
            factor,
            shift,
            training=True,
            momentum=1.0 - MOMENTUM,
            eps=BATCH_NORM_EPSILON,
        )
        hidden = functional.relu(hidden)
    return (extra["beta"] * kl - log_bernoulli(x, logits_of(weights["pixels"], hidden))).mean()
