"""Training loops in plain PyTorch, one eager step a batch, with `torch.optim.Adam`.

A loss is a function `(weights, extra, x) -> loss` of nested lists and dicts of tensors, which
advances what else the step carries; see `train_jax` for the same losses in JAX.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch
from torch.nn import functional

LEARNING_RATE, BETAS, EPSILON = 5e-4, (0.9, 0.999), 1e-7
LOG_VARIANCE_BOUNDS = (-10.0, 5.0)
TINY = 1e-30
LOG_TWO_PI = math.log(2.0 * math.pi)

Tree = Any
Loss = Callable[[Tree, Tree, torch.Tensor], torch.Tensor]


def dense(weights: Any, inputs: torch.Tensor) -> torch.Tensor:
    """An affine map."""
    kernel, bias = weights
    return torch.addmm(bias, inputs, kernel)


def gate(maps: torch.Tensor, axis: int = -1) -> torch.Tensor:
    """The gate h * sigmoid(g), for two maps side by side in an axis."""
    value, opening = maps.chunk(2, dim=axis)
    return value * torch.sigmoid(opening)


def gated(weights: Any, inputs: torch.Tensor) -> torch.Tensor:
    """h(x) * sigmoid(g(x)), both affine maps in one product."""
    return gate(dense(weights, inputs))


def normal(
    weights: Any, inputs: torch.Tensor, bounds: tuple[float, float] = LOG_VARIANCE_BOUNDS
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and bounded log-variance, both affine maps in one product."""
    mean, log_variance = dense(weights, inputs).chunk(2, dim=-1)
    return mean, log_variance.clamp(*bounds)


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


def standard_loss(weights: Tree, extra: Tree, x: torch.Tensor) -> torch.Tensor:
    """The mean of -log p(x | z) + KL(q(z | x) || N(0, I)); two gated layers each way."""
    encoder_1, encoder_2, posterior, decoder_1, decoder_2, pixels = weights
    mean, log_variance = normal(posterior, gated(encoder_2, gated(encoder_1, x)))
    z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
    logits = dense(pixels, gated(decoder_2, gated(decoder_1, z)))
    kl = 0.5 * (torch.exp(log_variance) + mean**2 - 1.0 - log_variance).sum(-1)
    return (kl - log_bernoulli(x, logits)).mean()


def vamp_loss(weights: Tree, extra: Tree, x: torch.Tensor) -> torch.Tensor:
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


def _make_unit(gradient: torch.Tensor, maps: int) -> None:
    """Divide a gradient by its norm, that of each of some maps side by side."""
    apart = gradient.view(-1, maps, gradient.shape[-1] // maps)
    apart.div_(torch.linalg.vector_norm(apart, dim=(0, 2), keepdim=True).clamp_(min=TINY))


def leaves(tree: Tree) -> list[torch.Tensor]:
    """The tensors of nested lists, tuples and dicts."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    branches = tree.values() if isinstance(tree, dict) else tree
    return [leaf for branch in branches for leaf in leaves(branch)]


def mapped(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """Nested lists, tuples and dicts with what the function makes of their leaves."""
    if isinstance(tree, dict):
        return {name: mapped(function, branch) for name, branch in tree.items()}
    if isinstance(tree, list | tuple):
        return [mapped(function, branch) for branch in tree]
    return function(tree)


class Loop:
    """Training without a framework.

    Args:
        loss_function: see the module.
        weights: nested lists and dicts of arrays, which are copied.
        x: examples, (n, *event_shape).
        batch_size: examples a step.
        extra: what else the loss carries from step to step.
        seed: of the order of the examples.
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
        extra: Tree = (),
        seed: int = 0,
        held: str | None = None,
        whole: Collection[str] | None = None,
    ) -> None:
        self.loss_function, self.batch_size = loss_function, batch_size
        self.held, self.whole = held, whole
        self.weights = mapped(lambda array: torch.tensor(array).requires_grad_(), weights)
        self.extra = mapped(_carried, extra)
        self.x = torch.from_numpy(x)
        # The foreach update is the fastest one on a CPU and on an accelerator.
        groups = [self.weights] if held is None else list(self.weights.values())
        self.names = [] if held is None else list(self.weights)
        self.optimizers = [
            torch.optim.Adam(leaves(group), LEARNING_RATE, BETAS, EPSILON, foreach=True)
            for group in groups
        ]
        self.generator = torch.Generator().manual_seed(seed)
        self.loss = float("nan")

    def epoch(self) -> None:
        """Go once over the examples in a new order, and read the mean loss."""
        order = torch.randperm(len(self.x), generator=self.generator)
        total = torch.zeros(())
        batches = order.split(self.batch_size)
        for rows in batches:
            for optimizer in self.optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss = self.loss_function(self.weights, self.extra, self.x[rows])
            loss.backward()
            if self.whole is not None:
                for name, branch in self.weights.items():
                    for leaf in leaves(branch):
                        _make_unit(leaf.grad, 1 if name in self.whole else 2)
            for index, optimizer in enumerate(self.optimizers):
                if self.held is None or self.extra["phase"] or self.names[index] != self.held:
                    optimizer.step()
            total += loss.detach()
        self.loss = float(total) / len(batches)


def _carried(value: Any) -> Any:
    """A number as one, an array as a tensor."""
    return float(value) if value.ndim == 0 else torch.tensor(value)
