"""One training step with the VampPrior on JAX against a loop written by hand.

    KERAS_BACKEND=jax python benchmarks/vamp_prior.py

The model of `train_step.py` with 500 learned pseudo-inputs in place of the standard normal prior.
The hand-written loop does what makes the VampPrior cheap: one encoder pass over batch and
pseudo-inputs joined, and the densities of all components as matrix products. Both start from the
same weights and run in one process in alternating rounds of one epoch; hiervae through `model.fit`
with `steps_per_execution=20`, the loop as one compiled call a step.

Exit status 1 if the median ratio of the steps' time is above 1.15: wall time, or with `--by cpu`,
on a machine that is busy with other things, the time that the process computed.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import jax
import jax.numpy as jnp
from train_step import (
    LATENTS,
    LOG_VARIANCE_BOUNDS,
    HandWritten,
    build_model,
    compare,
    dense,
    gated,
    require_jax,
    shared_options,
)

LOG_TWO_PI = math.log(2.0 * math.pi)


def log_mixture(z: jax.Array, mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """The log-density of an even mixture, the square expanded into two products."""
    precision = jnp.exp(-log_variance)
    scaled = precision * mean
    quadratic = jnp.square(z) @ precision.T - 2.0 * (z @ scaled.T)
    constant = jnp.sum(scaled * mean + log_variance + LOG_TWO_PI, axis=-1)
    log_densities = -0.5 * (quadratic + constant)
    return jax.scipy.special.logsumexp(log_densities, axis=-1) - math.log(len(mean))


def negative_elbo(weights: Any, x: jax.Array, key: jax.Array) -> jax.Array:
    """The batch's mean of -log p(x | z) + log q(z | x) - log p(z), in nats."""
    layers, pseudo_inputs = weights
    encoder_1, encoder_2, posterior, decoder_1, decoder_2, pixels = layers
    joined = jnp.concatenate([x, jnp.clip(pseudo_inputs, 0.0, 1.0)])
    hidden = gated(encoder_2, gated(encoder_1, joined))
    mean, log_variance = jnp.split(dense(posterior, hidden), 2, axis=-1)
    log_variance = jnp.clip(log_variance, *LOG_VARIANCE_BOUNDS)
    components = mean[len(x) :], log_variance[len(x) :]
    mean, log_variance = mean[: len(x)], log_variance[: len(x)]
    noise = jax.random.normal(key, mean.shape)
    z = mean + jnp.exp(0.5 * log_variance) * noise
    log_posterior = -0.5 * jnp.sum(jnp.square(noise) + log_variance + LOG_TWO_PI, axis=-1)
    logits = dense(pixels, gated(decoder_2, gated(decoder_1, z)))
    log_likelihood = jnp.sum(x * logits - jax.nn.softplus(logits), axis=-1)
    return jnp.mean(log_posterior - log_mixture(z, *components) - log_likelihood)


def copied_weights(model: Any) -> Any:
    """The model's weights as the loop takes them: pairs of kernel and bias, and pseudo-inputs."""
    pseudo_inputs = jnp.array(model.prior.inputs.value)
    layers = [
        jnp.array(variable.value)
        for part in (model.inference, model.likelihood)
        for variable in part.trainable_variables
    ]
    return list(zip(layers[::2], layers[1::2], strict=True)), pseudo_inputs


def main() -> int:
    """Measure, print, and compare with the bound."""
    parser = shared_options(__doc__.splitlines()[0], steps=100)
    parser.add_argument("--components", type=int, default=500, help="pseudo-inputs K")
    options = parser.parse_args()
    require_jax()
    prior = {"name": "vamp", "num_components": options.components}
    model = build_model(options.seed, options.steps_per_execution, prior)
    hand_written = HandWritten(copied_weights(model), options.seed, negative_elbo)
    print(f"K = {options.components}, {LATENTS} latents")
    return compare(model, hand_written, options)


if __name__ == "__main__":
    sys.exit(main())
