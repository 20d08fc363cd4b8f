"""Losses of deeper models in plain PyTorch, for the loop of `train_torch`."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional

from benchmarks.handwritten.train_torch import (
    LOG_TWO_PI,
    LOG_VARIANCE_BOUNDS,
    Tree,
    dense,
    gated,
    log_bernoulli,
    log_mixture,
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


def draw(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """A reparameterised draw."""
    return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)


def log_normal(z: torch.Tensor, mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """The log-density of a diagonal normal."""
    squares = (z - mean).square() * torch.exp(-log_variance)
    return -0.5 * (squares + log_variance + LOG_TWO_PI).sum(-1)


def kl_normal(first: Any, second: Any) -> torch.Tensor:
    """KL of two diagonal normals, given as mean and log-variance, in nats."""
    (mean, log_variance), (other, other_log_variance) = first, second
    difference = log_variance - other_log_variance
    squares = (mean - other).square() * torch.exp(-other_log_variance)
    return 0.5 * (torch.exp(difference) + squares - 1.0 - difference).sum(-1)


def hvae_vamp_loss(weights: Tree, extra: Tree, x: torch.Tensor) -> torch.Tensor:
    """Two levels, top-down, with a VampPrior (Tomczak & Welling 2018, Eqs. 10-15)."""
    joined = torch.cat([x, weights["pseudo_inputs"].clamp(0.0, 1.0)])
    (top_1, top_2), (lower_x,) = weights["top_x"], weights["lower_x"]
    hidden = gated(top_2, gated(top_1, joined))
    mean, log_variance = normal(weights["top"], hidden)
    components = mean[len(x) :], log_variance[len(x) :]
    top = mean[: len(x)], log_variance[: len(x)]
    z_2 = draw(*top)
    both = [gated(lower_x, x), gated(weights["lower_z"], z_2)]
    lower = normal(weights["lower"], gated(weights["lower_joint"], torch.cat(both, dim=-1)))
    z_1 = draw(*lower)
    hidden = gated(weights["prior_2"], gated(weights["prior_1"], z_2))
    kl_1 = kl_normal(lower, normal(weights["prior"], hidden))
    kl_2 = log_normal(z_2, *top) - log_mixture(z_2, *components)
    both = [gated(weights["data_z1"], z_1), gated(weights["data_z2"], z_2)]
    hidden = gated(weights["data_joint"], torch.cat(both, dim=-1))
    return (kl_1 + kl_2 - log_bernoulli(x, dense(weights["pixels"], hidden))).mean()


def tanh_layers(layers: Any, inputs: torch.Tensor) -> torch.Tensor:
    """The hidden layers of the VHP."""
    for layer in layers:
        inputs = torch.tanh(dense(layer, inputs))
    return inputs


def tanh_normal(layers: Any, inputs: torch.Tensor) -> Any:
    """Mean and bounded log-variance behind tanh layers."""
    *hidden, head = layers
    return normal(head, tanh_layers(hidden, inputs))


def vhp_log_prior(
    weights: Tree, z: torch.Tensor, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Log (1/K) sum_k p(z | zeta_k) p(zeta_k) / q(zeta_k | z) of z (n, d) in nats, shape (n,)."""
    mean, log_variance = tanh_normal(weights["proposal"], z)
    shape = NUM_IMPORTANCE_SAMPLES * len(z), mean.shape[-1]
    noise = torch.randn(shape, generator=generator).view(NUM_IMPORTANCE_SAMPLES, *mean.shape)
    zeta = mean + torch.exp(0.5 * log_variance) * noise
    log_ratio = 0.5 * (noise.square() + log_variance - zeta.square()).sum(-1)
    generative = tanh_normal(weights["generative"], zeta.flatten(0, 1))
    mean, log_variance = (each.reshape(-1, *z.shape) for each in generative)
    log_weights = log_normal(z, mean, log_variance) + log_ratio
    return torch.logsumexp(log_weights, dim=0) - math.log(NUM_IMPORTANCE_SAMPLES)


def vhp_loss(weights: Tree, extra: Tree, x: torch.Tensor) -> torch.Tensor:
    """One level, a VHP with 16 importance samples, beta by REWO (Klushyn et al. 2019).

    `extra` is the state of REWO, which is advanced.
    """
    model, prior = weights["model"], weights["prior"]
    x = x.flatten(1)
    *hidden, pixels = model["decoder"]
    posterior = tanh_normal(model["encoder"], x)
    z = draw(*posterior)
    squares = (x - dense(pixels, tanh_layers(hidden, z))).square().sum(-1)
    error = squares.mean() / (2.0 * VARIANCE)
    kl = (log_normal(z, *posterior) - vhp_log_prior(prior, z)).mean()

    size = x.shape[-1]
    _rewo(extra, float(error.detach()), size)
    constant = 0.5 * size * (math.log(VARIANCE) + LOG_TWO_PI)
    return error + constant + extra["beta"] * kl


def _rewo(state: Tree, error: float, size: int) -> None:
    """One step of Algorithm 1, for the batch mean of the reconstruction error."""
    average = state["constraint"] + (1.0 - REWO["alpha"]) * (error - state["constraint"])
    state["constraint"] = average if state["started"] else error
    state["started"] = 1.0
    violation = (state["constraint"] / size - REWO["kappa"] ** 2) * math.sqrt(size)
    if violation < 0.0:
        state["phase"] = 1.0
    if state["phase"]:
        pull = -1.0 if violation > 0.0 else math.tanh(REWO["tau"] * (state["beta"] - 1.0))
        updated = state["beta"] * math.exp(REWO["nu"] * pull * violation)
        state["beta"] = min(max(updated, 1e-8), 1.0)


def ladder_loss(weights: Tree, extra: Tree, x: torch.Tensor) -> torch.Tensor:
    """Five levels with batch normalisation (Sønderby et al. 2016).

    `extra` has beta, and the running averages of the normalisations, which are advanced.
    """
    averages = iter(extra["averages"])

    def block(layers: Any, inputs: torch.Tensor) -> torch.Tensor:
        for kernel, factor, shift in layers:
            mean, variance = next(averages)
            inputs = functional.batch_norm(
                inputs @ kernel,
                mean,
                variance,
                factor,
                shift,
                training=True,
                momentum=1.0 - MOMENTUM,
                eps=BATCH_NORM_EPSILON,
            )
            inputs = functional.leaky_relu(inputs, SLOPE)
        return inputs

    features, hidden = [], x
    for layers in weights["encoders"]:
        hidden = block(layers, hidden)
        features.append(hidden)
    top = softplus_normal(weights["heads"][-1], features[-1])
    z, zero = draw(*top), torch.zeros(())
    kl = kl_normal(top, (zero, zero))
    for level in reversed(range(len(features) - 1)):
        prior = softplus_normal(weights["priors"][level], block(weights["decoders"][level], z))
        posterior = merged(softplus_normal(weights["heads"][level], features[level]), prior)
        z = draw(*posterior)
        kl = kl + kl_normal(posterior, prior)
    logits = dense(weights["pixels"], block(weights["data"], z))
    return (float(extra["beta"]) * kl - log_bernoulli(x, logits)).mean()


def merged(evidence: Any, prior: Any) -> Any:
    """The product of two normal densities, normalised (Sønderby et al. 2016, Eqs. 17-18)."""
    difference = prior[1] - evidence[1]
    mean = torch.sigmoid(difference) * evidence[0] + torch.sigmoid(-difference) * prior[0]
    return mean, evidence[1] - functional.softplus(-difference)


def softplus_normal(weights: Any, inputs: torch.Tensor) -> Any:
    """Mean and bounded log-variance, the variance a softplus."""
    mean, raw = dense(weights, inputs).chunk(2, dim=-1)
    log_variance = torch.log(functional.softplus(raw.clamp(min=-15.0)))
    return mean, torch.where(raw < -15.0, raw, log_variance).clamp(*LOG_VARIANCE_BOUNDS)
