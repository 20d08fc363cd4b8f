"""The plain values that parts hand to one another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from hiervae.distributions.diagonal_normal import DiagonalNormal
    from hiervae.networks.base import Network

Tensor: TypeAlias = Any
"""A tensor of the active backend (or a NumPy array where one is accepted)."""

Shape: TypeAlias = tuple[int, ...]
"""A shape without its leading (sample and batch) axis."""

Config: TypeAlias = dict[str, Any]
"""JSON-serialisable constructor arguments."""


@dataclass(frozen=True)
class ModelContext:
    """What a part may know of the model it is built into.

    Attributes:
        event_shape: shape of one example x.
        latent_dims: sizes of z_1 (nearest the data) ... z_L (top).
        prior_dim: size of the latent vector that the prior governs: z_L of a stacked structure,
            all levels concatenated of a flat one.
        network: the deterministic blocks the inference scheme is to use.
        value_range: lowest and highest value the likelihood gives density to; None is unbounded.
        components_are_drawn: whether the posteriors of pseudo-inputs are conditioned on a draw of
            lower levels, and so differ from call to call.
    """

    event_shape: Shape
    latent_dims: tuple[int, ...]
    prior_dim: int
    network: Network
    value_range: tuple[float | None, float | None] = (None, None)
    components_are_drawn: bool = False

    @property
    def num_levels(self) -> int:
        """Number of stochastic levels L."""
        return len(self.latent_dims)


@dataclass(frozen=True)
class Level:
    """One stochastic level of an inference pass.

    Attributes:
        latent: z_l, shape (n, d_l) with n = samples * batch, sample-major.
        posterior: q(z_l | ...), its parameters of shape (n, d_l).
        conditional_prior: p(z_l | z_{l+1}, ...), or None where the model's prior governs the level.
        top_down: whether the level was drawn after the latents that condition its prior. Only then
            does KL(q_l || p_l) given them have a closed form; in bottom-up inference z_{l+1}
            depends on z_l, and the closed form would no longer bound log p(x).
    """

    latent: Tensor
    posterior: DiagonalNormal
    conditional_prior: DiagonalNormal | None = None
    top_down: bool = False


@dataclass(frozen=True)
class InferencePass:
    """What an inference scheme returns for a batch.

    Attributes:
        levels: z_1 ... z_L, nearest the data first.
        features: the decoder's output at these latents, input of the likelihood; leading axis n.
        components: posteriors q(z | u_k) of the prior's pseudo-inputs, parameters of shape
            (K, prior_dim), or None when no pseudo-inputs were given.
    """

    levels: tuple[Level, ...]
    features: Tensor
    components: DiagonalNormal | None = None


@dataclass(frozen=True)
class GenerativePass:
    """What an inference scheme returns when it generates from the top.

    Attributes:
        latents: z_1 ... z_L, each (n, d_l).
        features: the decoder's output at these latents; leading axis n.
    """

    latents: tuple[Tensor, ...]
    features: Tensor


@dataclass(frozen=True)
class Signals:
    """What a scheduler sees of one training step; every entry is a float32 scalar tensor.

    Attributes:
        step: number of this step since the rule began, from 1; it counts on over `fit` calls.
        epoch: number of this epoch since the rule began, from 1.
        constraint: batch mean of the reconstruction error C, nats, summed over event dimensions.
        kl: batch mean of the summed KL, nats.
        num_dimensions: number of scalars in one example, for thresholds given per dimension.
    """

    step: Tensor
    epoch: Tensor
    constraint: Tensor
    kl: Tensor
    num_dimensions: float


@dataclass(frozen=True)
class PartRecord:
    """How a resolved part is written into configs and saved models."""

    name: str | None
    distribution: str | None
    version: str | None
    config: Config = field(default_factory=dict)
