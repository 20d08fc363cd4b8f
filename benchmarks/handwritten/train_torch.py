"""Training loops in plain PyTorch, one eager step a batch, with `torch.optim.Adam`.

A loss is a function `(weights, x) -> loss` of nested lists of tensors; see `train_jax` for the same
losses in JAX.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

LEARNING_RATE, BETAS, EPSILON = 5e-4, (0.9, 0.999), 1e-7
LOG_VARIANCE_BOUNDS = (-10.0, 5.0)
LOG_TWO_PI = math.log(2.0 * math.pi)

Tree = Any
Loss = Callable[[Tree, torch.Tensor], torch.Tensor]


def dense(weights: Any, inputs: torch.Tensor) -> torch.Tensor:
    """An affine map."""
    kernel, bias = weights
    return torch.addmm(bias, inputs, kernel)


def gated(weights: Any, inputs: torch.Tensor) -> torch.Tensor:
    """h(x) * sigmoid(g(x)), both affine maps in one product."""
    value, gate = dense(weights, inputs).chunk(2, dim=-1)
    return value * torch.sigmoid(gate)


def normal(weights: Any, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and bounded log-variance, both affine maps in one product."""
    mean, log_variance = dense(weights, inputs).chunk(2, dim=-1)
    return mean, log_variance.clamp(*LOG_VARIANCE_BOUNDS)


def log_mixture(z: torch.Tensor, mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """The log-density of an even mixture, the square expanded into two products."""
    precision = torch.exp(-log_variance)
    scaled = precision * mean
    quadratic = z.square() @ precision.T - 2.0 * (z @ scaled.T)
    constant = (scaled * mean + log_variance + LOG_TWO_PI).sum(-1)
    return torch.logsumexp(-0.5 * (quadratic + constant), dim=-1) - math.log(len(mean))


def log_bernoulli(x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """The log-likelihood of zeros and ones."""
    return (x * logits - functional.softplus(logits)).flatten(1).sum(-1)


def standard_loss(weights: Tree, x: torch.Tensor) -> torch.Tensor:
    """The mean of -log p(x | z) + KL(q(z | x) || N(0, I)); two gated layers each way."""
    encoder_1, encoder_2, posterior, decoder_1, decoder_2, pixels = weights
    mean, log_variance = normal(posterior, gated(encoder_2, gated(encoder_1, x)))
    z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
    logits = dense(pixels, gated(decoder_2, gated(decoder_1, z)))
    kl = 0.5 * (torch.exp(log_variance) + mean**2 - 1.0 - log_variance).sum(-1)
    return (kl - log_bernoulli(x, logits)).mean()


def vamp_loss(weights: Tree, x: torch.Tensor) -> torch.Tensor:
    """The mean of -log p(x | z) + log q(z | x) - log p(z), p(z) a VampPrior."""
    layers, pseudo_inputs = weights
    encoder_1, encoder_2, posterior, decoder_1, decoder_2, pixels = layers
    joined = torch.cat([x, pseudo_inputs.clamp(0.0, 1.0)])
    mean, log_variance = normal(posterior, gated(encoder_2, gated(encoder_1, joined)))
    components = mean[len(x) :], log_variance[len(x) :]
    mean, log_variance = mean[: len(x)], log_variance[: len(x)]
    noise = torch.randn_like(mean)
    z = mean + torch.exp(0.5 * log_variance) * noise
    log_posterior = -0.5 * (noise.square() + log_variance + LOG_TWO_PI).sum(-1)
    logits = dense(pixels, gated(decoder_2, gated(decoder_1, z)))
    return (log_posterior - log_mixture(z, *components) - log_bernoulli(x, logits)).mean()


def leaves(tree: Tree) -> list[torch.Tensor]:
    """The tensors of nested lists and tuples."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    return [leaf for branch in tree for leaf in leaves(branch)]


def copied(tree: Tree) -> Tree:
    """Nested lists and tuples with copies of their tensors, to be trained."""
    if isinstance(tree, torch.Tensor):
        return tree.detach().clone().requires_grad_()
    return [copied(branch) for branch in tree]


class Loop:
    """Training without a framework.

    Args:
        loss_function: see the module.
        weights: nested lists of tensors, which are copied.
        x: examples, (n, *event_shape).
        batch_size: examples a step.
        seed: of the order of the examples.
    """

    def __init__(
        self,
        loss_function: Loss,
        weights: Tree,
        x: np.ndarray[Any, Any],
        batch_size: int = 100,
        seed: int = 0,
    ) -> None:
        self.loss_function, self.batch_size = loss_function, batch_size
        self.weights = copied(weights)
        self.x = torch.from_numpy(x)
        # The foreach update is the fastest one on a CPU and on an accelerator.
        self.optimizer = torch.optim.Adam(
            leaves(self.weights), LEARNING_RATE, BETAS, EPSILON, foreach=True
        )
        self.generator = torch.Generator().manual_seed(seed)
        self.loss = float("nan")

    def epoch(self) -> None:
        """Go once over the examples in a new order, and read the mean loss."""
        order = torch.randperm(len(self.x), generator=self.generator)
        total = torch.zeros(())
        batches = order.split(self.batch_size)
        for rows in batches:
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss_function(self.weights, self.x[rows])
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
        self.loss = float(total) / len(batches)
