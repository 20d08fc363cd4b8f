"""Log-likelihoods of convolutional models by hand in PyTorch, for the loop of `scoring_torch`."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.handwritten.convolutions_torch import (
    conv_logits,
    encoded,
    latent_maps,
    logits_of,
    masked,
)
from benchmarks.handwritten.scoring_torch import LogWeights, log_bernoulli, two_levels
from benchmarks.handwritten.train_torch import Tree, normal
from benchmarks.handwritten.training_weights import BOUNDS


def _latents(weights: Tree, x: torch.Tensor, count: int, generator: torch.Generator) -> Any:
    """Inference of images (batch, 28, 28), as `two_levels` returns it."""

    def top(images: torch.Tensor) -> Any:
        return normal(weights["top"], encoded(weights["top_x"], images), BOUNDS)

    features, components = encoded(weights["lower_x"], x), top(weights["pseudo_inputs"])
    return two_levels(weights, features, top(x), components, count, generator, BOUNDS)


def conv(weights: Tree, x: torch.Tensor, count: int, generator: torch.Generator) -> LogWeights:
    """Two levels, top-down, gated convolutions, a VampPrior."""
    draws = _latents(weights, x, count, generator)

    def log_weights() -> torch.Tensor:
        z_1, z_2, log_ratio = draws()
        return log_bernoulli(x, conv_logits(weights, z_1, z_2, x.shape[1:])) + log_ratio

    return log_weights


def pixelcnn(weights: Tree, x: torch.Tensor, count: int, generator: torch.Generator) -> LogWeights:
    """The same with masked convolutions; what the first one makes of x is computed once."""
    draws = _latents(weights, x, count, generator)
    first, *others = weights["masked"]
    from_x = masked(x[:, None], *first)

    def log_weights() -> torch.Tensor:
        z_1, z_2, log_ratio = draws()
        maps = latent_maps(weights, z_1, z_2, x.shape[1:])
        hidden = (maps.reshape(count, *from_x.shape) + from_x).reshape(maps.shape).relu_()
        for layer in others:
            hidden = masked(hidden, *layer).relu_()
        return log_bernoulli(x, logits_of(weights["pixels"], hidden)) + log_ratio

    return log_weights
