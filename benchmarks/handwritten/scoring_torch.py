"""Importance-weighted log-likelihoods written by hand in PyTorch.

A model is a function `(weights, x, count, generator) -> log_weights`. It encodes x and the prior's
pseudo-inputs, once, and returns a function that gives log p(x, z_s) - log q(z_s | x) of `count`
new samples of each example, shape (count, batch). `log_likelihood` calls it block by block; a
log-sum-exp of each leaves one number an example.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks.handwritten.hierarchies_torch import (
    log_normal,
    merged,
    softplus_normal,
    tanh_layers,
    tanh_normal,
    vhp_log_prior,
)
from benchmarks.handwritten.train_torch import (
    LOG_TWO_PI,
    LOG_VARIANCE_BOUNDS,
    Tree,
    dense,
    gate,
    gated,
    mapped,
    normal,
)
from benchmarks.handwritten.training_weights import SLOPE, VARIANCE

LogWeights = Callable[[], torch.Tensor]
Model = Callable[[Tree, torch.Tensor, int, torch.Generator], LogWeights]


# Densities, in nats


def _draw(
    normal: Any, generator: torch.Generator, shape: tuple[int, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """A draw and its log-density, for parameters that broadcast against `shape`."""
    mean, log_variance = normal
    noise = torch.randn(shape, generator=generator)
    log_density = -0.5 * torch.sum(noise.square() + log_variance + LOG_TWO_PI, dim=-1)
    return mean + torch.exp(0.5 * log_variance) * noise, log_density


def _log_standard(value: torch.Tensor) -> torch.Tensor:
    return -0.5 * torch.sum(value.square() + LOG_TWO_PI, dim=-1)


def _log_mixture(value: torch.Tensor, components: Any) -> torch.Tensor:
    mean, log_variance = components
    precision = torch.exp(-log_variance)
    scaled = precision * mean
    constant = torch.sum(scaled * mean + log_variance + LOG_TWO_PI, dim=-1)
    densities = torch.addmm(
        -0.5 * constant,
        torch.cat([value.square(), value], dim=-1),
        torch.cat([-0.5 * precision, scaled], dim=-1).T,
    )
    return torch.logsumexp(densities, dim=-1) - math.log(len(mean))


def log_bernoulli(x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Of examples (batch, ...) under logits (count * batch, ...): shape (count, batch)."""
    x = x.flatten(1)
    logits = logits.reshape(-1, *x.shape)
    return torch.sum(x * logits - functional.softplus(logits), dim=-1)


# Models


def one_level(weights: Tree, x: torch.Tensor, count: int, generator: torch.Generator) -> LogWeights:
    """One level, gated layers, a standard normal prior or a VampPrior."""

    def encoded(rows: torch.Tensor) -> Any:
        hidden = gated(weights["encoder_2"], gated(weights["encoder_1"], rows))
        return normal(weights["posterior"], hidden)

    posterior, components = encoded(x), None
    if "pseudo_inputs" in weights:
        components = encoded(weights["pseudo_inputs"])
    shape = count, *posterior[0].shape

    def log_weights() -> torch.Tensor:
        z, log_posterior = _draw(posterior, generator, shape)
        rows = z.reshape(-1, shape[-1])
        if components is None:
            log_prior = _log_standard(z)
        else:
            log_prior = _log_mixture(rows, components).reshape(shape[:-1])
        hidden = gated(weights["decoder_2"], gated(weights["decoder_1"], rows))
        return log_bernoulli(x, dense(weights["pixels"], hidden)) + log_prior - log_posterior

    return log_weights


def two_levels(
    weights: Tree,
    features: torch.Tensor,
    top: Any,
    components: Any,
    count: int,
    generator: torch.Generator,
    bounds: tuple[float, float] = LOG_VARIANCE_BOUNDS,
) -> Callable[[], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Inference of two levels, top-down, with a VampPrior.

    Args:
        weights: of the model.
        features: what the lower encoder makes of x alone, (batch, features).
        top: q(z_2 | x).
        components: of the prior.
        count: samples.
        generator: of the draws.
        bounds: of the log-variances.

    Returns:
        A function that gives z_1 and z_2, each (count * batch, size), and
        log p(z_1, z_2) - log q(z_1, z_2 | x), (count, batch).
    """
    batch, size = top[0].shape
    kernel, bias = weights["lower_joint"]
    width = features.shape[-1]
    from_x = torch.addmm(bias, features, kernel[:width])

    def draws() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        z_2, log_posterior_2 = _draw(top, generator, (count, batch, size))
        z_2 = z_2.reshape(-1, size)
        from_z = gated(weights["lower_z"], z_2) @ kernel[width:]
        joint = gate((from_z.reshape(count, batch, -1) + from_x).reshape(count * batch, -1))
        lower = normal(weights["lower"], joint, bounds)
        z_1, log_posterior_1 = _draw(lower, generator, lower[0].shape)
        hidden = gated(weights["prior_2"], gated(weights["prior_1"], z_2))
        log_prior_1 = log_normal(z_1, *normal(weights["prior"], hidden, bounds))
        rows = log_prior_1 + _log_mixture(z_2, components) - log_posterior_1
        return z_1, z_2, rows.reshape(count, batch) - log_posterior_2

    return draws


def hvae_vamp(weights: Tree, x: torch.Tensor, count: int, generator: torch.Generator) -> LogWeights:
    """Two levels, top-down, gated layers, a VampPrior."""
    (top_1, top_2), (lower_x,) = weights["top_x"], weights["lower_x"]

    def top(rows: torch.Tensor) -> Any:
        return normal(weights["top"], gated(top_2, gated(top_1, rows)))

    components = top(weights["pseudo_inputs"])
    draws = two_levels(weights, gated(lower_x, x), top(x), components, count, generator)

    def log_weights() -> torch.Tensor:
        z_1, z_2, log_ratio = draws()
        both = [gated(weights["data_z1"], z_1), gated(weights["data_z2"], z_2)]
        hidden = gated(weights["data_joint"], torch.cat(both, dim=-1))
        return log_bernoulli(x, dense(weights["pixels"], hidden)) + log_ratio

    return log_weights


def vhp(weights: Tree, x: torch.Tensor, count: int, generator: torch.Generator) -> LogWeights:
    """One level with a VHP, of whose density each sample has an estimate of its own."""
    model = weights["model"]
    *hidden, pixels = model["decoder"]
    x = x.flatten(1)
    posterior = tanh_normal(model["encoder"], x)
    shape = count, *posterior[0].shape
    constant = 0.5 * x.shape[-1] * (math.log(VARIANCE) + LOG_TWO_PI)

    def log_weights() -> torch.Tensor:
        z, log_posterior = _draw(posterior, generator, shape)
        rows = z.reshape(-1, shape[-1])
        log_prior = vhp_log_prior(weights["prior"], rows, generator).reshape(shape[:-1])
        means = dense(pixels, tanh_layers(hidden, rows)).reshape(count, *x.shape)
        squares = (x - means).square().sum(-1)
        return log_prior - log_posterior - squares / (2.0 * VARIANCE) - constant

    return log_weights


def ladder(weights: Tree, x: torch.Tensor, count: int, generator: torch.Generator) -> LogWeights:
    """Five levels, batch normalisation part of the layers, a standard normal prior."""

    def block(layers: Any, inputs: torch.Tensor) -> torch.Tensor:
        for layer in layers:
            inputs = functional.leaky_relu_(dense(layer, inputs), SLOPE)
        return inputs

    evidence, hidden = [], x
    for layers, head in zip(weights["encoders"], weights["heads"], strict=True):
        hidden = block(layers, hidden)
        evidence.append(softplus_normal(head, hidden))

    def log_weights() -> torch.Tensor:
        z, log_posterior = _draw(evidence[-1], generator, (count, *evidence[-1][0].shape))
        total = _log_standard(z) - log_posterior
        for level in reversed(range(len(evidence) - 1)):
            rows = block(weights["decoders"][level], z.reshape(-1, z.shape[-1]))
            shape = count, *evidence[level][0].shape
            above = softplus_normal(weights["priors"][level], rows)
            prior = tuple(each.reshape(shape) for each in above)
            z, log_posterior = _draw(merged(evidence[level], prior), generator, shape)
            total = total + log_normal(z, *prior) - log_posterior
        rows = block(weights["data"], z.reshape(-1, z.shape[-1]))
        return log_bernoulli(x, dense(weights["pixels"], rows)) + total

    return log_weights


# The loop


def _placed(array: np.ndarray[Any, Any]) -> torch.Tensor:
    """A tensor of a weight, a kernel (k, k, c, filters) with the filters outermost in memory.

    Convolutions then work on channels last, which takes a CPU half the time.
    """
    tensor = torch.tensor(array)
    if tensor.ndim < 4:
        return tensor
    return tensor.permute(3, 0, 1, 2).contiguous().permute(1, 2, 3, 0)


@torch.inference_mode()
def log_likelihood(
    model: Model,
    weights: Tree,
    x: Any,
    num_samples: int,
    seed: int = 0,
    batch_size: int = 100,
    rows_per_pass: int = 500,
) -> np.ndarray[Any, Any]:
    """Log p(x) of examples (n, ...) in nats.

    The number of samples is rounded up to whole passes. `weights` are those of `scoring_weights`.
    """
    count = max(1, min(num_samples, rows_per_pass // batch_size))
    num_passes = -(-num_samples // count)
    weights, generator = mapped(_placed, weights), torch.Generator().manual_seed(seed)
    scores = []
    for batch in torch.tensor(x).split(batch_size):
        log_weights = model(weights, batch, count, generator)
        sums = [torch.logsumexp(log_weights(), dim=0) for _ in range(num_passes)]
        total = torch.logsumexp(torch.stack(sums), dim=0)
        scores.append(total.numpy() - math.log(count * num_passes))
    return np.concatenate(scores)
