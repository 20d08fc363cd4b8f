"""Losses of deeper models in plain JAX, for the loop of `train_jax`."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.handwritten.train_jax import (
    LOG_TWO_PI,
    LOG_VARIANCE_BOUNDS,
    Tree,
    dense,
    draw,
    gated,
    log_bernoulli,
    log_mixture,
    log_normal,
    normal,
)
from benchmarks.handwritten.training_weights import (
    BATCH_NORM_EPSILON,
    MOMENTUM,
    REWO,
    SLOPE,
    VARIANCE,
)

NUM_IMPORTANCE_SAMPLES = 16


def kl_normal(first: Any, second: Any) -> jax.Array:
    """KL of two diagonal normals, given as mean and log-variance, in nats."""
    (mean, log_variance), (other, other_log_variance) = first, second
    difference = log_variance - other_log_variance
    squares = jnp.square(mean - other) * jnp.exp(-other_log_variance)
    return 0.5 * jnp.sum(jnp.exp(difference) + squares - 1.0 - difference, axis=-1)


def hvae_vamp_loss(weights: Tree, extra: Tree, x: jax.Array, key: jax.Array) -> Any:
    """Two levels, top-down, with a VampPrior (Tomczak & Welling 2018, Eqs. 10-15)."""
    first, second = jax.random.split(key)
    joined = jnp.concatenate([x, jnp.clip(weights["pseudo_inputs"], 0.0, 1.0)])
    (top_1, top_2), (lower_x,) = weights["top_x"], weights["lower_x"]
    hidden = gated(top_2, gated(top_1, joined))
    mean, log_variance = normal(weights["top"], hidden)
    components = mean[len(x) :], log_variance[len(x) :]
    top = mean[: len(x)], log_variance[: len(x)]
    z_2 = draw(*top, jax.random.normal(first, top[0].shape))
    both = [gated(lower_x, x), gated(weights["lower_z"], z_2)]
    hidden = gated(weights["lower_joint"], jnp.concatenate(both, axis=-1))
    lower = normal(weights["lower"], hidden)
    z_1 = draw(*lower, jax.random.normal(second, lower[0].shape))
    hidden = gated(weights["prior_2"], gated(weights["prior_1"], z_2))
    kl_1 = kl_normal(lower, normal(weights["prior"], hidden))
    kl_2 = log_normal(z_2, *top) - log_mixture(z_2, *components)
    both = [gated(weights["data_z1"], z_1), gated(weights["data_z2"], z_2)]
    hidden = gated(weights["data_joint"], jnp.concatenate(both, axis=-1))
    return jnp.mean(kl_1 + kl_2 - log_bernoulli(x, dense(weights["pixels"], hidden))), extra


def tanh_layers(layers: Any, inputs: jax.Array) -> jax.Array:
    """The hidden layers of the VHP."""
    for layer in layers:
        inputs = jnp.tanh(dense(layer, inputs))
    return inputs


def tanh_normal(layers: Any, inputs: jax.Array) -> Any:
    """Mean and bounded log-variance behind tanh layers."""
    *hidden, head = layers
    return normal(head, tanh_layers(hidden, inputs))


def vhp_log_prior(weights: Tree, z: jax.Array, key: jax.Array) -> jax.Array:
    """Log (1/K) sum_k p(z | zeta_k) p(zeta_k) / q(zeta_k | z) of z (n, d) in nats, shape (n,)."""
    mean, log_variance = tanh_normal(weights["proposal"], z)
    noise = jax.random.normal(key, (NUM_IMPORTANCE_SAMPLES * len(z), mean.shape[-1]))
    noise = noise.reshape(NUM_IMPORTANCE_SAMPLES, *mean.shape)
    zeta = draw(mean, log_variance, noise)
    log_ratio = 0.5 * jnp.sum(jnp.square(noise) + log_variance - jnp.square(zeta), axis=-1)
    generative = tanh_normal(weights["generative"], zeta.reshape(-1, zeta.shape[-1]))
    mean, log_variance = (each.reshape(-1, *z.shape) for each in generative)
    log_weights = log_normal(z, mean, log_variance) + log_ratio
    return jax.scipy.special.logsumexp(log_weights, axis=0) - math.log(NUM_IMPORTANCE_SAMPLES)


def vhp_loss(weights: Tree, extra: Tree, x: jax.Array, key: jax.Array) -> Any:
    """One level, a VHP with 16 importance samples, beta by REWO (Klushyn et al. 2019).

    `extra` is the state of REWO; the loop holds the weights under "prior" while its phase is 0.
    """
    first, second = jax.random.split(key)
    model, prior = weights["model"], weights["prior"]
    x = x.reshape(len(x), -1)
    *hidden, pixels = model["decoder"]
    posterior = tanh_normal(model["encoder"], x)
    z = draw(*posterior, jax.random.normal(first, posterior[0].shape))
    squares = jnp.sum(jnp.square(x - dense(pixels, tanh_layers(hidden, z))), axis=-1)
    error = jnp.mean(squares) / (2.0 * VARIANCE)
    kl = jnp.mean(log_normal(z, *posterior) - vhp_log_prior(prior, z, second))

    size = x.shape[-1]
    state = _rewo(extra, jax.lax.stop_gradient(error), size)
    constant = 0.5 * size * (math.log(VARIANCE) + LOG_TWO_PI)
    return error + constant + state["beta"] * kl, state


def _rewo(state: Tree, error: jax.Array, size: int) -> Tree:
    """One step of Algorithm 1, for the batch mean of the reconstruction error."""
    average = state["constraint"] + (1.0 - REWO["alpha"]) * (error - state["constraint"])
    average = jnp.where(state["started"] > 0.0, average, error)
    violation = (average / size - REWO["kappa"] ** 2) * math.sqrt(size)
    phase = jnp.maximum(state["phase"], jnp.where(violation < 0.0, 1.0, 0.0))
    beta = state["beta"]
    pull = jnp.where(violation > 0.0, -1.0, jnp.tanh(REWO["tau"] * (beta - 1.0)))
    updated = jnp.clip(beta * jnp.exp(REWO["nu"] * pull * violation), 1e-8, 1.0)
    beta = jnp.where(phase > 0.0, updated, beta)
    return {"beta": beta, "constraint": average, "started": jnp.ones(()), "phase": phase}


def ladder_loss(weights: Tree, extra: Tree, x: jax.Array, key: jax.Array) -> Any:
    """Five levels with batch normalisation (Sønderby et al. 2016).

    `extra` has beta, and the running mean and variance of each normalisation.
    """
    past, now = extra["averages"], []

    def block(layers: Any, inputs: jax.Array) -> jax.Array:
        for kernel, factor, shift in layers:
            inputs = inputs @ kernel
            mean, variance = jnp.mean(inputs, axis=0), jnp.var(inputs, axis=0)
            now.append(tuple(map(jax.lax.stop_gradient, (mean, variance))))
            scale = factor * jax.lax.rsqrt(variance + BATCH_NORM_EPSILON)
            inputs = jax.nn.leaky_relu(inputs * scale + (shift - mean * scale), SLOPE)
        return inputs

    features, hidden = [], x
    for layers in weights["encoders"]:
        hidden = block(layers, hidden)
        features.append(hidden)
    keys = jax.random.split(key, len(features))
    top = softplus_normal(weights["heads"][-1], features[-1])
    z = draw(*top, jax.random.normal(keys[-1], top[0].shape))
    kl = kl_normal(top, (jnp.zeros(()), jnp.zeros(())))
    for level in reversed(range(len(features) - 1)):
        prior = softplus_normal(weights["priors"][level], block(weights["decoders"][level], z))
        posterior = merged(softplus_normal(weights["heads"][level], features[level]), prior)
        z = draw(*posterior, jax.random.normal(keys[level], posterior[0].shape))
        kl = kl + kl_normal(posterior, prior)
    logits = dense(weights["pixels"], block(weights["data"], z))
    averages = [
        [old * MOMENTUM + new * (1.0 - MOMENTUM) for old, new in zip(*each, strict=True)]
        for each in zip(past, now, strict=True)
    ]
    extra = {"beta": extra["beta"], "averages": averages}
    return jnp.mean(extra["beta"] * kl - log_bernoulli(x, logits)), extra


def merged(evidence: Any, prior: Any) -> Any:
    """The product of two normal densities, normalised (Sønderby et al. 2016, Eqs. 17-18)."""
    difference = prior[1] - evidence[1]
    mean = jax.nn.sigmoid(difference) * evidence[0] + jax.nn.sigmoid(-difference) * prior[0]
    return mean, evidence[1] - jax.nn.softplus(-difference)


def softplus_normal(weights: Any, inputs: jax.Array) -> Any:
    """Mean and bounded log-variance, the variance a softplus."""
    mean, raw = jnp.split(dense(weights, inputs), 2, axis=-1)
    log_variance = jnp.log(jax.nn.softplus(jnp.maximum(raw, -15.0)))
    return mean, jnp.clip(jnp.where(raw < -15.0, raw, log_variance), *LOG_VARIANCE_BOUNDS)
