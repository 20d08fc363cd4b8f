"""One training step of hiervae on JAX against a loop written by hand.

    KERAS_BACKEND=jax python benchmarks/train_step.py

Both train the same VAE with Adam on batches of 100: 784 pixels, two gated layers of 300 in
encoder and decoder, 40 latents under a standard normal prior, Bernoulli pixels. They start from the
same weights and run in one process in alternating rounds of one epoch. hiervae runs through
`model.fit` with `steps_per_execution=20`, so its time holds everything a user waits for: the
checks of the data, Keras' feeding and callbacks, and eight metrics. The hand-written loop computes
the loss and nothing else, one compiled call a step.

Exit status 1 if the median ratio of the steps' time is above 1.15: wall time, or with `--by cpu`,
on a machine that is busy with other things, the time that the process computed.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from interleaved import QUANTITIES, environment, interleave, judge, report

import hiervae

PIXELS, HIDDEN, LATENTS, BATCH = 784, 300, 40, 100
LEARNING_RATE, BETA_1, BETA_2, EPSILON = 5e-4, 0.9, 0.999, 1e-7
LOG_VARIANCE_BOUNDS = (-10.0, 5.0)
BOUND = 1.15

Weights = list[tuple[jax.Array, jax.Array]]


def dense(weights: tuple[jax.Array, jax.Array], inputs: jax.Array) -> jax.Array:
    """An affine map."""
    kernel, bias = weights
    return inputs @ kernel + bias


def gated(weights: tuple[jax.Array, jax.Array], inputs: jax.Array) -> jax.Array:
    """h(x) * sigmoid(g(x)), both affine maps in one product."""
    value, gate = jnp.split(dense(weights, inputs), 2, axis=-1)
    return value * jax.nn.sigmoid(gate)


def negative_elbo(weights: Weights, x: jax.Array, key: jax.Array) -> jax.Array:
    """The batch's mean of -log p(x | z) + KL(q(z | x) || N(0, I)), in nats."""
    encoder_1, encoder_2, posterior, decoder_1, decoder_2, pixels = weights
    hidden = gated(encoder_2, gated(encoder_1, x))
    mean, log_variance = jnp.split(dense(posterior, hidden), 2, axis=-1)
    log_variance = jnp.clip(log_variance, *LOG_VARIANCE_BOUNDS)
    z = mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, mean.shape)
    logits = dense(pixels, gated(decoder_2, gated(decoder_1, z)))
    log_likelihood = jnp.sum(x * logits - jax.nn.softplus(logits), axis=-1)
    kl = 0.5 * jnp.sum(jnp.exp(log_variance) + mean**2 - 1.0 - log_variance, axis=-1)
    return jnp.mean(kl - log_likelihood)


def step(loss_function: Any, state: Any, x: jax.Array) -> Any:
    """One step of Adam (Kingma & Ba 2015)."""
    weights, first, second, count, key, total = state
    key, noise = jax.random.split(key)
    loss, gradients = jax.value_and_grad(loss_function)(weights, x, noise)
    count = count + 1
    rate = LEARNING_RATE * jnp.sqrt(1.0 - BETA_2**count) / (1.0 - BETA_1**count)
    tree_map = jax.tree_util.tree_map
    first = tree_map(lambda m, g: m + (1.0 - BETA_1) * (g - m), first, gradients)
    second = tree_map(lambda v, g: v + (1.0 - BETA_2) * (g * g - v), second, gradients)
    weights = tree_map(
        lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), weights, first, second
    )
    return weights, first, second, count, key, total + loss


class HandWritten:
    """The loop without a framework.

    Args:
        weights: a tree of arrays.
        seed: of the noise and of the order of the examples.
        loss_function: from weights, a batch and a key to the batch's loss.
    """

    def __init__(self, weights: Any, seed: int, loss_function: Any = negative_elbo) -> None:
        zeros = jax.tree_util.tree_map(jnp.zeros_like, weights)
        more_zeros = jax.tree_util.tree_map(jnp.zeros_like, weights)
        key = jax.random.key(seed)
        self.state = (weights, zeros, more_zeros, jnp.zeros(()), key, jnp.zeros(()))
        self.step = jax.jit(partial(step, loss_function), donate_argnums=0)
        self.generator = np.random.default_rng(seed)
        self.loss = float("nan")

    def epoch(self, x: np.ndarray[Any, Any]) -> None:
        """Go once over the examples in a new order."""
        order = self.generator.permutation(len(x))
        self.state = (*self.state[:-1], jnp.zeros(()))
        for start in range(0, len(x), BATCH):
            self.state = self.step(self.state, x[order[start : start + BATCH]])
        self.loss = float(self.state[-1]) / (len(x) // BATCH)


def build_model(
    seed: int, steps_per_execution: int, prior: Any = "standard_normal"
) -> hiervae.HierarchicalVAE:
    """The same model, composed."""
    model = hiervae.HierarchicalVAE(
        latent_dims=LATENTS,
        prior=prior,
        likelihood="bernoulli",
        network={"name": "gated_mlp", "hidden_units": (HIDDEN, HIDDEN)},
        seed=seed,
    )
    optimizer = keras.optimizers.Adam(LEARNING_RATE, BETA_1, BETA_2, EPSILON)
    model.compile(optimizer, steps_per_execution=steps_per_execution)
    model.build((None, PIXELS))
    return model


def shared_options(description: str, steps: int) -> argparse.ArgumentParser:
    """The options that benchmarks against a loop by hand have in common."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=15, help="pairs of rounds")
    parser.add_argument("--steps", type=int, default=steps, help="training steps a round")
    parser.add_argument("--steps-per-execution", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--by", choices=QUANTITIES, default="wall", help="what is judged")
    return parser


def compare(model: Any, hand_written: HandWritten, options: argparse.Namespace) -> int:
    """Train both in turns, print what a step costs, and compare with the bound."""
    x = np.random.default_rng(options.seed).random((options.steps * BATCH, PIXELS)) < 0.13
    x = x.astype("float32")
    losses = []

    def composed() -> None:
        history = model.fit(x, batch_size=BATCH, verbose=0).history
        losses.append(history["loss"][-1])

    costs = interleave(composed, lambda: hand_written.epoch(x), options.rounds)
    print(environment())
    print(f"{options.rounds} pairs of rounds of {options.steps} steps, seed {options.seed}")
    ratios = report(("hiervae", "hand-written"), costs, options.steps)
    print(f"training loss of the last round: {losses[-1]:.2f} and {hand_written.loss:.2f} nats")
    return judge([ratios[options.by]], BOUND)


def require_jax() -> None:
    """Leave, with the reason, on another backend."""
    if keras.backend.backend() != "jax":
        sys.exit(f"The active backend is {keras.backend.backend()!r}; set KERAS_BACKEND=jax.")


def main() -> int:
    """Measure, print, and compare with the bound."""
    options = shared_options(__doc__.splitlines()[0], steps=200).parse_args()
    require_jax()
    model = build_model(options.seed, options.steps_per_execution)
    arrays = [jnp.array(variable.value) for variable in model.trainable_variables]
    hand_written = HandWritten(list(zip(arrays[::2], arrays[1::2], strict=True)), options.seed)
    return compare(model, hand_written, options)


if __name__ == "__main__":
    sys.exit(main())
