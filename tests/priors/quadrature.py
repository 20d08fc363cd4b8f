"""The density of a variational hierarchical prior by numerical integration over zeta."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special, stats

from tests.support.models import Array, numpy_of


def generative(prior: Any, zeta: Array) -> tuple[Array, Array]:
    """Mean and variance of p(z | zeta), in NumPy from the weights of a one-layer tanh network."""
    kernel, bias = (numpy_of(weight) for weight in prior.generative_block.trainable_variables)
    hidden = np.tanh(zeta @ kernel + bias)
    kernel, bias = (numpy_of(weight) for weight in prior.generative_head.trainable_variables)
    mean, log_variance = np.split(hidden @ kernel + bias, 2, axis=-1)
    return mean, np.exp(np.clip(log_variance, *prior.log_variance_bounds))


def grid(dim: int) -> tuple[Array, Array]:
    """Nodes (n, dim) for zeta and their log-weights under N(0, I)."""
    axis = np.linspace(-7.0, 7.0, 2001 if dim == 1 else 141)
    nodes = np.stack(np.meshgrid(*[axis] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    cell = (axis[1] - axis[0]) ** dim
    return nodes, stats.norm.logpdf(nodes).sum(axis=-1) + np.log(cell)


def log_density(prior: Any, latent: Array, dim: int) -> Array:
    """log p(z) of latents (n, dim_z) for a zeta of size `dim`."""
    nodes, log_weights = grid(dim)
    mean, variance = generative(prior, nodes)
    return np.array(
        [
            special.logsumexp(
                log_weights + stats.norm(mean, np.sqrt(variance)).logpdf(row).sum(axis=-1)
            )
            for row in latent
        ]
    )


def marginal_cdf(prior: Any, axis: int, points: Array, dim: int) -> Array:
    """P(z_axis <= point) for each point."""
    nodes, log_weights = grid(dim)
    mean, variance = generative(prior, nodes)
    scaled = (points[:, None] - mean[:, axis]) / np.sqrt(variance[:, axis])
    return stats.norm.cdf(scaled) @ np.exp(log_weights)


def moments(prior: Any, dim: int) -> tuple[Array, Array]:
    """Mean and covariance of z by the laws of total expectation and covariance."""
    nodes, log_weights = grid(dim)
    weights = np.exp(log_weights)
    mean, variance = generative(prior, nodes)
    centre = weights @ mean
    spread = (mean - centre).T @ (weights[:, None] * (mean - centre))
    return centre, spread + np.diag(weights @ variance)
