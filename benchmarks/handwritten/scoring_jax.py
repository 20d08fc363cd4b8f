"""Importance-weighted log-likelihoods written by hand in JAX.

Each is one compiled program a batch: x and the pseudo-inputs are encoded once, a compiled loop runs
over blocks of samples, and a running log-sum-exp leaves one number an example.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

LOG_TWO_PI = math.log(2.0 * math.pi)


def _dense(layer: Any, inputs: jax.Array) -> jax.Array:
    kernel, bias = layer
    return inputs @ kernel + bias


def _gate(outputs: jax.Array) -> jax.Array:
    value, gate = jnp.split(outputs, 2, axis=-1)
    return value * jax.nn.sigmoid(gate)


def _gated(layer: Any, inputs: jax.Array) -> jax.Array:
    return _gate(_dense(layer, inputs))


def _normal(layer: Any, inputs: jax.Array, bounds: tuple[float, float]) -> Any:
    mean, log_variance = jnp.split(_dense(layer, inputs), 2, axis=-1)
    return mean, jnp.clip(log_variance, *bounds)


def _draw(normal: Any, key: jax.Array, shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """A draw and its log-density, for parameters that broadcast against `shape`."""
    mean, log_variance = normal
    noise = jax.random.normal(key, shape)
    log_density = -0.5 * jnp.sum(jnp.square(noise) + log_variance + LOG_TWO_PI, axis=-1)
    return mean + jnp.exp(0.5 * log_variance) * noise, log_density


def _log_normal(value: jax.Array, normal: Any) -> jax.Array:
    mean, log_variance = normal
    squared = jnp.square(value - mean) * jnp.exp(-log_variance)
    return -0.5 * jnp.sum(squared + log_variance + LOG_TWO_PI, axis=-1)


def _log_bernoulli(x: jax.Array, logits: jax.Array) -> jax.Array:
    return jnp.sum(x * logits - jax.nn.softplus(logits), axis=-1)


def _log_mixture(value: jax.Array, components: Any) -> jax.Array:
    mean, log_variance = components
    precision = jnp.exp(-log_variance)
    scaled = precision * mean
    products = (
        jnp.concatenate([jnp.square(value), value], axis=-1)
        @ jnp.concatenate([precision, -2.0 * scaled], axis=-1).T
    )
    constant = jnp.sum(scaled * mean + log_variance + LOG_TWO_PI, axis=-1)
    densities = -0.5 * (products + constant)
    return jax.scipy.special.logsumexp(densities, axis=-1) - math.log(len(mean))


def _log_mean(log_weights: Any, key: jax.Array, count: int, batch: int, num_passes: int) -> Any:
    """Log mean_s w_s of each example, `count` samples a pass."""

    def body(index: jax.Array, state: Any) -> Any:
        highest, total = state
        weights = log_weights(jax.random.fold_in(key, index))
        peak = jnp.maximum(highest, jnp.max(weights, axis=0))
        return peak, total * jnp.exp(highest - peak) + jnp.sum(jnp.exp(weights - peak), axis=0)

    start = jnp.full((batch,), -jnp.inf), jnp.zeros((batch,))
    highest, total = jax.lax.fori_loop(0, num_passes, body, start)
    return highest + jnp.log(total) - math.log(count * num_passes)


@partial(jax.jit, static_argnames=("count", "num_passes", "bounds"))
def _one_level(
    weights: Any, x: jax.Array, key: jax.Array, count: int, num_passes: int, bounds: Any
) -> jax.Array:
    batch = len(x)

    def encoded(rows: jax.Array) -> Any:
        hidden = _gated(weights["encoder_2"], _gated(weights["encoder_1"], rows))
        return _normal(weights["posterior"], hidden, bounds)

    posterior, components = encoded(x), None
    if "pseudo_inputs" in weights:
        components = encoded(weights["pseudo_inputs"])
    size = posterior[0].shape[-1]

    def log_weights(key: jax.Array) -> jax.Array:
        z, log_posterior = _draw(posterior, key, (count, batch, size))
        rows = z.reshape(-1, size)
        if components is None:
            log_prior = -0.5 * jnp.sum(jnp.square(z) + LOG_TWO_PI, axis=-1)
        else:
            log_prior = _log_mixture(z.reshape(-1, size), components).reshape(count, batch)
        hidden = _gated(weights["decoder_2"], _gated(weights["decoder_1"], rows))
        logits = _dense(weights["pixels"], hidden).reshape(count, batch, -1)
        return _log_bernoulli(x, logits) + log_prior - log_posterior

    return _log_mean(log_weights, key, count, batch, num_passes)


@partial(jax.jit, static_argnames=("count", "num_passes", "bounds"))
def _hvae(
    weights: Any, x: jax.Array, key: jax.Array, count: int, num_passes: int, bounds: Any
) -> jax.Array:
    batch = len(x)

    def top(rows: jax.Array) -> Any:
        hidden = _gated(weights["top_2"], _gated(weights["top_1"], rows))
        return _normal(weights["top"], hidden, bounds)

    posterior_2, components = top(x), top(weights["pseudo_inputs"])
    size = posterior_2[0].shape[-1]
    kernel, bias = weights["lower_joint"]
    from_x = _gated(weights["lower_x"], x)
    half = from_x.shape[-1]
    from_x = from_x @ kernel[:half] + bias

    def log_weights(key: jax.Array) -> jax.Array:
        first, second = jax.random.split(key)
        z_2, log_posterior_2 = _draw(posterior_2, first, (count, batch, size))
        rows_2 = z_2.reshape(-1, size)
        from_z = _gated(weights["lower_z"], rows_2) @ kernel[half:]
        joint = _gate((from_z.reshape(count, batch, -1) + from_x).reshape(count * batch, -1))
        posterior_1 = _normal(weights["lower"], joint, bounds)
        rows_1, log_posterior_1 = _draw(posterior_1, second, posterior_1[0].shape)
        hidden = _gated(weights["prior_2"], _gated(weights["prior_1"], rows_2))
        log_prior_1 = _log_normal(rows_1, _normal(weights["prior"], hidden, bounds))
        log_prior_2 = _log_mixture(rows_2, components)
        both = [_gated(weights["data_z1"], rows_1), _gated(weights["data_z2"], rows_2)]
        hidden = _gated(weights["data_joint"], jnp.concatenate(both, axis=-1))
        logits = _dense(weights["pixels"], hidden).reshape(count, batch, -1)
        rows = log_prior_1 + log_prior_2 - log_posterior_1
        return _log_bernoulli(x, logits) + rows.reshape(count, batch) - log_posterior_2

    return _log_mean(log_weights, key, count, batch, num_passes)


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
    weights = jax.tree.map(jnp.asarray, weights)
    key = jax.random.key(seed)
    scores = [
        function(
            weights,
            jnp.asarray(x[start : start + batch_size]),
            jax.random.fold_in(key, start),
            count=count,
            num_passes=-(-num_samples // count),
            bounds=bounds,
        )
        for start in range(0, len(x), batch_size)
    ]
    return np.concatenate([np.asarray(score) for score in scores])


def one_level_log_likelihood(
    weights: Any,
    x: Any,
    num_samples: int,
    seed: int = 0,
    bounds: tuple[float, float] = (-10.0, 5.0),
    batch_size: int = 100,
    rows_per_pass: int = 10_000,
) -> np.ndarray[Any, Any]:
    """Log p(x) of examples (n, d) in nats: one level, gated, standard normal prior or VampPrior.

    The number of samples is rounded up to whole passes, the number of examples must be a multiple
    of `batch_size`. `weights` are those of `scoring_weights.one_level_weights`.
    """
    return _score(_one_level, weights, x, num_samples, seed, bounds, batch_size, rows_per_pass)


def hvae_log_likelihood(
    weights: Any,
    x: Any,
    num_samples: int,
    seed: int = 0,
    bounds: tuple[float, float] = (-10.0, 5.0),
    batch_size: int = 100,
    rows_per_pass: int = 10_000,
) -> np.ndarray[Any, Any]:
    """Log p(x) as `one_level_log_likelihood`: two levels, top-down, VampPrior.

    `weights` are those of `scoring_weights.hvae_weights`.
    """
    return _score(_hvae, weights, x, num_samples, seed, bounds, batch_size, rows_per_pass)
