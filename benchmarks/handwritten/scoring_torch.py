"""Importance-weighted log-likelihoods written by hand in PyTorch.

x and the pseudo-inputs are encoded once, and a running log-sum-exp leaves one number an example.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

LOG_TWO_PI = math.log(2.0 * math.pi)


def _dense(layer: Any, inputs: torch.Tensor) -> torch.Tensor:
    kernel, bias = layer
    return torch.addmm(bias, inputs, kernel)


def _gate(outputs: torch.Tensor) -> torch.Tensor:
    value, gate = outputs.chunk(2, dim=-1)
    return value * torch.sigmoid(gate)


def _gated(layer: Any, inputs: torch.Tensor) -> torch.Tensor:
    return _gate(_dense(layer, inputs))


def _normal(layer: Any, inputs: torch.Tensor, bounds: tuple[float, float]) -> Any:
    mean, log_variance = _dense(layer, inputs).chunk(2, dim=-1)
    return mean, log_variance.clamp(*bounds)


def _draw(
    normal: Any, generator: torch.Generator, shape: tuple[int, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """A draw and its log-density, for parameters that broadcast against `shape`."""
    mean, log_variance = normal
    noise = torch.randn(shape, generator=generator)
    log_density = -0.5 * torch.sum(noise.square() + log_variance + LOG_TWO_PI, dim=-1)
    return mean + torch.exp(0.5 * log_variance) * noise, log_density


def _log_normal(value: torch.Tensor, normal: Any) -> torch.Tensor:
    mean, log_variance = normal
    squared = (value - mean).square() * torch.exp(-log_variance)
    return -0.5 * torch.sum(squared + log_variance + LOG_TWO_PI, dim=-1)


def _log_bernoulli(x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    return torch.sum(x * logits - functional.softplus(logits), dim=-1)


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


def _log_mean(log_weights: Callable[[], torch.Tensor], count: int, num_passes: int) -> torch.Tensor:
    """Log mean_s w_s of each example, `count` samples a pass."""
    sums = [torch.logsumexp(log_weights(), dim=0) for _ in range(num_passes)]
    return torch.logsumexp(torch.stack(sums), dim=0) - math.log(count * num_passes)


def _one_level(
    weights: Any,
    x: torch.Tensor,
    generator: torch.Generator,
    count: int,
    num_passes: int,
    bounds: tuple[float, float],
) -> torch.Tensor:
    batch = len(x)

    def encoded(rows: torch.Tensor) -> Any:
        hidden = _gated(weights["encoder_2"], _gated(weights["encoder_1"], rows))
        return _normal(weights["posterior"], hidden, bounds)

    posterior, components = encoded(x), None
    if "pseudo_inputs" in weights:
        components = encoded(weights["pseudo_inputs"])
    size = posterior[0].shape[-1]

    def log_weights() -> torch.Tensor:
        z, log_posterior = _draw(posterior, generator, (count, batch, size))
        if components is None:
            log_prior = -0.5 * torch.sum(z.square() + LOG_TWO_PI, dim=-1)
        else:
            log_prior = _log_mixture(z.reshape(-1, size), components).reshape(count, batch)
        hidden = _gated(weights["decoder_1"], z.reshape(-1, size))
        hidden = _gated(weights["decoder_2"], hidden)
        logits = _dense(weights["pixels"], hidden).reshape(count, batch, -1)
        return _log_bernoulli(x, logits) + log_prior - log_posterior

    return _log_mean(log_weights, count, num_passes)


def _hvae(
    weights: Any,
    x: torch.Tensor,
    generator: torch.Generator,
    count: int,
    num_passes: int,
    bounds: tuple[float, float],
) -> torch.Tensor:
    batch = len(x)

    def top(rows: torch.Tensor) -> Any:
        hidden = _gated(weights["top_2"], _gated(weights["top_1"], rows))
        return _normal(weights["top"], hidden, bounds)

    posterior_2, components = top(x), top(weights["pseudo_inputs"])
    size = posterior_2[0].shape[-1]
    kernel, bias = weights["lower_joint"]
    from_x = _gated(weights["lower_x"], x)
    half = from_x.shape[-1]
    from_x = torch.addmm(bias, from_x, kernel[:half])

    def log_weights() -> torch.Tensor:
        z_2, log_posterior_2 = _draw(posterior_2, generator, (count, batch, size))
        rows_2 = z_2.reshape(-1, size)
        from_z = _gated(weights["lower_z"], rows_2) @ kernel[half:]
        joint = _gate((from_z.reshape(count, batch, -1) + from_x).reshape(count * batch, -1))
        posterior_1 = _normal(weights["lower"], joint, bounds)
        rows_1, log_posterior_1 = _draw(posterior_1, generator, posterior_1[0].shape)
        hidden = _gated(weights["prior_2"], _gated(weights["prior_1"], rows_2))
        log_prior_1 = _log_normal(rows_1, _normal(weights["prior"], hidden, bounds))
        log_prior_2 = _log_mixture(rows_2, components)
        both = [_gated(weights["data_z1"], rows_1), _gated(weights["data_z2"], rows_2)]
        hidden = _gated(weights["data_joint"], torch.cat(both, dim=-1))
        logits = _dense(weights["pixels"], hidden).reshape(count, batch, -1)
        rows = log_prior_1 + log_prior_2 - log_posterior_1
        return _log_bernoulli(x, logits) + rows.reshape(count, batch) - log_posterior_2

    return _log_mean(log_weights, count, num_passes)


@torch.no_grad()
def _score(
    function: Any,
    weights: Any,
    x: Any,
    num_samples: int,
    seed: int,
    bounds: tuple[float, float],
    batch_size: int,
    rows_per_pass: int,
) -> np.ndarray[Any, Any]:
    count = max(1, rows_per_pass // batch_size)
    tensors = {
        name: tuple(map(torch.tensor, value)) if isinstance(value, tuple) else torch.tensor(value)
        for name, value in weights.items()
    }
    generator = torch.Generator().manual_seed(seed)
    scores = []
    for start in range(0, len(x), batch_size):
        batch = torch.tensor(x[start : start + batch_size])
        num_passes = -(-num_samples // count)
        scores.append(function(tensors, batch, generator, count, num_passes, bounds).numpy())
    return np.concatenate(scores)


def one_level_log_likelihood(
    weights: Any,
    x: Any,
    num_samples: int,
    seed: int = 0,
    bounds: tuple[float, float] = (-10.0, 5.0),
    batch_size: int = 100,
    rows_per_pass: int = 2_000,
) -> np.ndarray[Any, Any]:
    """Log p(x) of examples (n, d) in nats: one level, gated, standard normal prior or VampPrior.

    The number of samples is rounded up to whole passes. `weights` are those of
    `scoring_weights.one_level_weights`.
    """
    return _score(_one_level, weights, x, num_samples, seed, bounds, batch_size, rows_per_pass)


def hvae_log_likelihood(
    weights: Any,
    x: Any,
    num_samples: int,
    seed: int = 0,
    bounds: tuple[float, float] = (-10.0, 5.0),
    batch_size: int = 100,
    rows_per_pass: int = 2_000,
) -> np.ndarray[Any, Any]:
    """Log p(x) as `one_level_log_likelihood`: two levels, top-down, VampPrior.

    `weights` are those of `scoring_weights.hvae_weights`.
    """
    return _score(_hvae, weights, x, num_samples, seed, bounds, batch_size, rows_per_pass)
