"""Mixtures of diagonal normals in float64, by brute force over their components."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special, stats

from tests.support.models import Array, context, numpy_of


def log_densities(latent: Array, mean: Array, log_variance: Array) -> Array:
    """log N(z | mu_k, sigma_k^2) of z (n, d) under K normals: (n, K), one after the other."""
    columns = [
        stats.norm(mu, np.exp(0.5 * scale)).logpdf(latent).sum(axis=-1)
        for mu, scale in zip(mean.astype("float64"), log_variance.astype("float64"))
    ]
    return np.stack(columns, axis=-1)


def log_density(latent: Array, mean: Array, log_variance: Array, weights: Any = None) -> Array:
    """log sum_k w_k N(z | mu_k, sigma_k^2), with equal weights unless some are given."""
    if weights is None:
        weights = np.full(len(mean), 1.0 / len(mean))
    return special.logsumexp(log_densities(latent, mean, log_variance), b=weights, axis=-1)


def product_of_one_dimensional(latent: Array, mean: Array, log_variance: Array) -> Array:
    """What a mixture is mistaken for: log prod_d (1/K) sum_k N(z_d | mu_kd, sigma_kd^2)."""
    columns = [
        log_density(latent[:, d : d + 1], mean[:, d : d + 1], log_variance[:, d : d + 1])
        for d in range(latent.shape[-1])
    ]
    return np.sum(columns, axis=0)


def moments(mean: Array, log_variance: Array, weights: Array) -> tuple[Array, Array]:
    """Mean and covariance by the laws of total expectation and covariance."""
    centre = weights @ mean
    spread = (mean - centre).T @ (weights[:, None] * (mean - centre))
    return centre, spread + np.diag(weights @ np.exp(log_variance))


def marginal_cdf(points: Array, mean: Array, log_variance: Array, weights: Array) -> Array:
    """P(z <= point) of one dimension: parameters (K,)."""
    return stats.norm.cdf((points[:, None] - mean) / np.exp(0.5 * log_variance)) @ weights


def built(prior: Any, dim: int, event_shape: tuple[int, ...] = (4,), **options: Any) -> Any:
    """`prior`, composed into nothing and built for z of size `dim`."""
    prior.prepare(context(event_shape, latent_dims=(dim,), **options))
    prior.build((None, dim))
    return prior


def set_weights(prior: Any, weights: Array) -> None:
    """Make the learned weights of the components those given."""
    (logits,) = [weight for weight in prior.trainable_variables if weight.name == "weight_logits"]
    logits.assign(np.log(weights) + 3.0)


def parameters(prior: Any, components: Any = None) -> tuple[Array, Array]:
    """Means and log-variances, each (K, d)."""
    normals = prior.normals(components)
    return numpy_of(normals.mean), numpy_of(normals.log_variance)
