"""Training loops in plain JAX: losses as pure functions, one Adam, twenty steps a call.

A loss is a function `(weights, extra, x, key) -> (loss, extra)`: a tree of arrays to differentiate,
whatever else the step carries (running averages, a controller), a batch and the step's key.
`Loop` trains with any of them: the examples stay on the device, `lax.scan` runs the steps of a
call, and nothing comes back but the sum of the losses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

LEARNING_RATE, BETA_1, BETA_2, EPSILON = 5e-4, 0.9, 0.999, 1e-7
LOG_VARIANCE_BOUNDS = (-10.0, 5.0)
TINY = 1e-30
LOG_TWO_PI = math.log(2.0 * math.pi)

Tree = Any
Loss = Callable[[Tree, Tree, jax.Array, jax.Array], tuple[jax.Array, Tree]]


# Maps


def dense(weights: Any, inputs: jax.Array) -> jax.Array:
    """An affine map."""
    kernel, bias = weights
    return inputs @ kernel + bias


def gated(weights: Any, inputs: jax.Array) -> jax.Array:
    """h(x) * sigmoid(g(x)), both affine maps in one product."""
    value, gate = jnp.split(dense(weights, inputs), 2, axis=-1)
    return value * jax.nn.sigmoid(gate)


def normal(
    weights: Any, inputs: jax.Array, bounds: tuple[float, float] = LOG_VARIANCE_BOUNDS
) -> tuple[jax.Array, jax.Array]:
    """Mean and bounded log-variance, both affine maps in one product."""
    mean, log_variance = jnp.split(dense(weights, inputs), 2, axis=-1)
    return mean, jnp.clip(log_variance, *bounds)


def draw(mean: jax.Array, log_variance: jax.Array, noise: jax.Array) -> jax.Array:
    """A reparameterised draw."""
    return mean + jnp.exp(0.5 * log_variance) * noise


def log_normal(z: jax.Array, mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """The log-density of a diagonal normal."""
    squares = jnp.square(z - mean) * jnp.exp(-log_variance)
    return -0.5 * jnp.sum(squares + log_variance + LOG_TWO_PI, axis=-1)


def log_mixture(z: jax.Array, mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """The log-density of an even mixture, the square expanded into two products."""
    precision = jnp.exp(-log_variance)
    scaled = precision * mean
    quadratic = jnp.square(z) @ precision.T - 2.0 * (z @ scaled.T)
    constant = jnp.sum(scaled * mean + log_variance + LOG_TWO_PI, axis=-1)
    log_densities = -0.5 * (quadratic + constant)
    return jax.scipy.special.logsumexp(log_densities, axis=-1) - math.log(len(mean))


def log_bernoulli(x: jax.Array, logits: jax.Array) -> jax.Array:
    """The log-likelihood of zeros and ones."""
    axes = tuple(range(1, x.ndim))
    return jnp.sum(x * logits - jax.nn.softplus(logits), axis=axes)


# Losses, in nats


def standard_loss(weights: Tree, extra: Tree, x: jax.Array, key: jax.Array) -> Any:
    """The mean of -log p(x | z) + KL(q(z | x) || N(0, I)); two gated layers each way."""
    encoder_1, encoder_2, posterior, decoder_1, decoder_2, pixels = weights
    mean, log_variance = normal(posterior, gated(encoder_2, gated(encoder_1, x)))
    z = draw(mean, log_variance, jax.random.normal(key, mean.shape))
    logits = dense(pixels, gated(decoder_2, gated(decoder_1, z)))
    kl = 0.5 * jnp.sum(jnp.exp(log_variance) + mean**2 - 1.0 - log_variance, axis=-1)
    return jnp.mean(kl - log_bernoulli(x, logits)), extra


def vamp_loss(weights: Tree, extra: Tree, x: jax.Array, key: jax.Array) -> Any:
    """The mean of -log p(x | z) + log q(z | x) - log p(z), p(z) a VampPrior.

    Tomczak & Welling (2018); the batch and the pseudo-inputs are encoded in one pass.
    """
    layers, pseudo_inputs = weights
    encoder_1, encoder_2, posterior, decoder_1, decoder_2, pixels = layers
    joined = jnp.concatenate([x, jnp.clip(pseudo_inputs, 0.0, 1.0)])
    mean, log_variance = normal(posterior, gated(encoder_2, gated(encoder_1, joined)))
    components = mean[len(x) :], log_variance[len(x) :]
    mean, log_variance = mean[: len(x)], log_variance[: len(x)]
    noise = jax.random.normal(key, mean.shape)
    z = draw(mean, log_variance, noise)
    log_posterior = -0.5 * jnp.sum(jnp.square(noise) + log_variance + LOG_TWO_PI, axis=-1)
    logits = dense(pixels, gated(decoder_2, gated(decoder_1, z)))
    return jnp.mean(log_posterior - log_mixture(z, *components) - log_bernoulli(x, logits)), extra


# The loop


def adam(
    loss_function: Loss, held: str | None, whole: Collection[str] | None, state: Tree, x: jax.Array
) -> Tree:
    """One step of Adam (Kingma & Ba 2015); `held` and `whole` as in `Loop`."""
    weights, first, second, counts, extra, key, total = state
    key, noise = jax.random.split(key)
    differentiate = jax.value_and_grad(loss_function, has_aux=True)
    (loss, extra), gradients = differentiate(weights, extra, x, noise)
    if whole is not None:
        gradients = {
            name: jax.tree_util.tree_map(partial(_unit, 1 if name in whole else 2), branch)
            for name, branch in gradients.items()
        }
    if held is None:
        moved, counts = _moved((weights, first, second), gradients, counts)
        return *moved, counts, extra, key, total + loss
    open_now = extra["phase"] > 0.0
    before, after, steps = (weights, first, second), ({}, {}, {}), {}
    for group in weights:
        own = tuple(each[group] for each in before)
        moved, steps[group] = _moved(own, gradients[group], counts[group])
        if group == held:
            moved, steps[group] = jax.tree_util.tree_map(
                lambda new, old: jnp.where(open_now, new, old),
                (moved, steps[group]),
                (own, counts[group]),
            )
        for tree, part in zip(after, moved, strict=True):
            tree[group] = part
    return *after, steps, extra, key, total + loss


def _unit(maps: int, gradient: jax.Array) -> jax.Array:
    """A gradient of norm 1, that of each of some maps side by side."""
    apart = gradient.reshape(-1, maps, gradient.shape[-1] // maps)
    norm = jnp.sqrt(jnp.sum(jnp.square(apart), axis=(0, 2), keepdims=True))
    return (apart / jnp.maximum(norm, TINY)).reshape(gradient.shape)


def _moved(trees: Tree, gradients: Tree, count: jax.Array) -> tuple[Tree, jax.Array]:
    """Weights, both moments and their count after a step."""
    weights, first, second = trees
    count = count + 1
    rate = LEARNING_RATE * jnp.sqrt(1.0 - BETA_2**count) / (1.0 - BETA_1**count)
    tree_map = jax.tree_util.tree_map
    first = tree_map(lambda m, g: m + (1.0 - BETA_1) * (g - m), first, gradients)
    second = tree_map(lambda v, g: v + (1.0 - BETA_2) * (g * g - v), second, gradients)
    weights = tree_map(
        lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), weights, first, second
    )
    return (weights, first, second), count


class Loop:
    """Training without a framework.

    Args:
        loss_function: see the module.
        weights: a tree of arrays; copied, since the loop overwrites its own.
        x: examples, (n, *event_shape), n a multiple of `batch_size * steps_per_call`.
        batch_size: examples a step.
        steps_per_call: steps of one compiled call.
        extra: what else the loss carries from step to step.
        seed: of the noise and of the order of the examples.
        held: a branch of the weights that stays where it is, moments and all, while `phase` of
            `extra` is 0.
        whole: gradients are divided by their norms (Tomczak & Welling 2018), of these branches
            whole, of the others the halves of the last axis, two maps side by side; None takes them
            as they are.
    """

    def __init__(
        self,
        loss_function: Loss,
        weights: Tree,
        x: np.ndarray[Any, Any],
        batch_size: int = 100,
        steps_per_call: int = 20,
        extra: Tree = (),
        seed: int = 0,
        held: str | None = None,
        whole: Collection[str] | None = None,
    ) -> None:
        self.shape = (-1, steps_per_call, batch_size)
        self.x = jnp.asarray(x)
        self.generator = np.random.default_rng(seed)
        self.loss = float("nan")
        copies = jax.tree_util.tree_map(jnp.array, (weights, extra))
        zeros = [jax.tree_util.tree_map(jnp.zeros_like, weights) for _ in range(2)]
        self.state = (
            copies[0],
            *zeros,
            jnp.zeros(()) if held is None else {group: jnp.zeros(()) for group in weights},
            copies[1],
            jax.random.key(seed),
            jnp.zeros(()),
        )
        step = partial(adam, loss_function, held, whole)

        def steps(state: Tree, x: jax.Array, rows: jax.Array) -> Tree:
            if steps_per_call == 1:  # within a loop, a CPU is slow at gradients of convolutions
                return step(state, x[rows[0]])

            def body(state: Tree, rows: jax.Array) -> tuple[Tree, None]:
                return step(state, x[rows]), None

            return jax.lax.scan(body, state, rows)[0]

        self.steps = jax.jit(steps, donate_argnums=0)

    def epoch(self) -> None:
        """Go once over the examples in a new order, and read the mean loss."""
        order = self.generator.permutation(len(self.x)).astype("int32").reshape(self.shape)
        self.state = (*self.state[:-1], jnp.zeros(()))
        for rows in order:
            self.state = self.steps(self.state, self.x, rows)
        self.loss = float(self.state[-1]) / (order.shape[0] * order.shape[1])
