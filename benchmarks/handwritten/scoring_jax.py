"""Importance-weighted log-likelihoods written by hand in JAX.

A model is a function `(weights, x, count) -> log_weights`. It encodes x and the prior's
pseudo-inputs, once, and returns the function from a key to log p(x, z_s) - log q(z_s | x) of
`count` samples of each example, shape (count, batch). `log_likelihood` makes one compiled program
a batch of it: a loop over blocks of samples with a running log-sum-exp, which leaves one number an
example.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.handwritten.hierarchies_jax import (
    merged,
    softplus_normal,
    tanh_layers,
    tanh_normal,
    vhp_log_prior,
)
from benchmarks.handwritten.train_jax import (
    LOG_TWO_PI,
    LOG_VARIANCE_BOUNDS,
    Tree,
    dense,
    gate,
    gated,
    log_normal,
    normal,
)
from benchmarks.handwritten.training_weights import SLOPE, VARIANCE

LogWeights = Callable[[jax.Array], jax.Array]
Model = Callable[[Tree, jax.Array, int], LogWeights]


# Densities, in nats


def _draw(normal: Any, key: jax.Array, shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """A draw and its log-density, for parameters that broadcast against `shape`."""
    mean, log_variance = normal
    noise = jax.random.normal(key, shape)
    log_density = -0.5 * jnp.sum(jnp.square(noise) + log_variance + LOG_TWO_PI, axis=-1)
    return mean + jnp.exp(0.5 * log_variance) * noise, log_density


def _log_standard(value: jax.Array) -> jax.Array:
    return -0.5 * jnp.sum(jnp.square(value) + LOG_TWO_PI, axis=-1)


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


def log_bernoulli(x: jax.Array, logits: jax.Array) -> jax.Array:
    """Of examples (batch, ...) under logits (count * batch, ...): shape (count, batch)."""
    x = x.reshape(len(x), -1)
    logits = logits.reshape(-1, *x.shape)
    return jnp.sum(x * logits - jax.nn.softplus(logits), axis=-1)


# Models


def one_level(weights: Tree, x: jax.Array, count: int) -> LogWeights:
    """One level, gated layers, a standard normal prior or a VampPrior."""

    def encoded(rows: jax.Array) -> Any:
        hidden = gated(weights["encoder_2"], gated(weights["encoder_1"], rows))
        return normal(weights["posterior"], hidden)

    posterior, components = encoded(x), None
    if "pseudo_inputs" in weights:
        components = encoded(weights["pseudo_inputs"])
    shape = count, *posterior[0].shape

    def log_weights(key: jax.Array) -> jax.Array:
        z, log_posterior = _draw(posterior, key, shape)
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
    features: jax.Array,
    top: Any,
    components: Any,
    count: int,
    bounds: tuple[float, float] = LOG_VARIANCE_BOUNDS,
) -> Callable[[jax.Array], tuple[jax.Array, jax.Array, jax.Array]]:
    """Inference of two levels, top-down, with a VampPrior.

    Args:
        weights: of the model.
        features: what the lower encoder makes of x alone, (batch, features).
        top: q(z_2 | x).
        components: of the prior.
        count: samples.
        bounds: of the log-variances.

    Returns:
        A function from a key to z_1 and z_2, each (count * batch, size), and to
        log p(z_1, z_2) - log q(z_1, z_2 | x), (count, batch).
    """
    batch, size = top[0].shape
    kernel, bias = weights["lower_joint"]
    width = features.shape[-1]
    from_x = features @ kernel[:width] + bias

    def draws(key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        first, second = jax.random.split(key)
        z_2, log_posterior_2 = _draw(top, first, (count, batch, size))
        z_2 = z_2.reshape(-1, size)
        from_z = gated(weights["lower_z"], z_2) @ kernel[width:]
        joint = gate((from_z.reshape(count, batch, -1) + from_x).reshape(count * batch, -1))
        lower = normal(weights["lower"], joint, bounds)
        z_1, log_posterior_1 = _draw(lower, second, lower[0].shape)
        hidden = gated(weights["prior_2"], gated(weights["prior_1"], z_2))
        log_prior_1 = log_normal(z_1, *normal(weights["prior"], hidden, bounds))
        rows = log_prior_1 + _log_mixture(z_2, components) - log_posterior_1
        return z_1, z_2, rows.reshape(count, batch) - log_posterior_2

    return draws


def hvae_vamp(weights: Tree, x: jax.Array, count: int) -> LogWeights:
    """Two levels, top-down, gated layers, a VampPrior."""
    (top_1, top_2), (lower_x,) = weights["top_x"], weights["lower_x"]

    def top(rows: jax.Array) -> Any:
        return normal(weights["top"], gated(top_2, gated(top_1, rows)))

    draws = two_levels(weights, gated(lower_x, x), top(x), top(weights["pseudo_inputs"]), count)

    def log_weights(key: jax.Array) -> jax.Array:
        z_1, z_2, log_ratio = draws(key)
        both = [gated(weights["data_z1"], z_1), gated(weights["data_z2"], z_2)]
        hidden = gated(weights["data_joint"], jnp.concatenate(both, axis=-1))
        return log_bernoulli(x, dense(weights["pixels"], hidden)) + log_ratio

    return log_weights


def vhp(weights: Tree, x: jax.Array, count: int) -> LogWeights:
    """One level with a VHP, of whose density each sample has an estimate of its own."""
    model = weights["model"]
    *hidden, pixels = model["decoder"]
    x = x.reshape(len(x), -1)
    posterior = tanh_normal(model["encoder"], x)
    shape = count, *posterior[0].shape
    constant = 0.5 * x.shape[-1] * (math.log(VARIANCE) + LOG_TWO_PI)

    def log_weights(key: jax.Array) -> jax.Array:
        first, second = jax.random.split(key)
        z, log_posterior = _draw(posterior, first, shape)
        rows = z.reshape(-1, shape[-1])
        log_prior = vhp_log_prior(weights["prior"], rows, second).reshape(shape[:-1])
        means = dense(pixels, tanh_layers(hidden, rows)).reshape(count, *x.shape)
        squares = jnp.sum(jnp.square(x - means), axis=-1)
        return log_prior - log_posterior - squares / (2.0 * VARIANCE) - constant

    return log_weights


def ladder(weights: Tree, x: jax.Array, count: int) -> LogWeights:
    """Five levels, batch normalisation part of the layers, a standard normal prior."""

    def block(layers: Any, inputs: jax.Array) -> jax.Array:
        for layer in layers:
            inputs = jax.nn.leaky_relu(dense(layer, inputs), SLOPE)
        return inputs

    evidence, hidden = [], x
    for layers, head in zip(weights["encoders"], weights["heads"], strict=True):
        hidden = block(layers, hidden)
        evidence.append(softplus_normal(head, hidden))

    def log_weights(key: jax.Array) -> jax.Array:
        keys = jax.random.split(key, len(evidence))
        z, log_posterior = _draw(evidence[-1], keys[-1], (count, *evidence[-1][0].shape))
        total = _log_standard(z) - log_posterior
        for level in reversed(range(len(evidence) - 1)):
            rows = block(weights["decoders"][level], z.reshape(-1, z.shape[-1]))
            shape = count, *evidence[level][0].shape
            above = softplus_normal(weights["priors"][level], rows)
            prior = tuple(each.reshape(shape) for each in above)
            z, log_posterior = _draw(merged(evidence[level], prior), keys[level], shape)
            total = total + log_normal(z, *prior) - log_posterior
        rows = block(weights["data"], z.reshape(-1, z.shape[-1]))
        return log_bernoulli(x, dense(weights["pixels"], rows)) + total

    return log_weights


# The loop


@partial(jax.jit, static_argnames=("model", "count", "num_passes"))
def _scored(
    model: Model, weights: Tree, x: jax.Array, key: jax.Array, count: int, num_passes: int
) -> jax.Array:
    """Log mean_s w_s of each example, `count` samples a pass."""
    log_weights = model(weights, x, count)

    def body(index: jax.Array, state: Any) -> Any:
        highest, total = state
        terms = log_weights(jax.random.fold_in(key, index))
        peak = jnp.maximum(highest, jnp.max(terms, axis=0))
        return peak, total * jnp.exp(highest - peak) + jnp.sum(jnp.exp(terms - peak), axis=0)

    start = jnp.full((len(x),), -jnp.inf), jnp.zeros((len(x),))
    highest, total = jax.lax.fori_loop(0, num_passes, body, start)
    return highest + jnp.log(total) - math.log(count * num_passes)


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

    The number of samples is rounded up to whole passes, the number of examples must be a multiple
    of `batch_size`. `weights` are those of `scoring_weights`.
    """
    count = max(1, min(num_samples, rows_per_pass // batch_size))
    num_passes = -(-num_samples // count)
    weights, key = jax.tree.map(jnp.asarray, weights), jax.random.key(seed)
    scores = [
        _scored(
            model,
            weights,
            jnp.asarray(x[start : start + batch_size]),
            jax.random.fold_in(key, start),
            count,
            num_passes,
        )
        for start in range(0, len(x), batch_size)
    ]
    return np.concatenate([np.asarray(score) for score in scores])
