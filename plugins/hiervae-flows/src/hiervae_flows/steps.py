"""Invertible steps with triangular Jacobians."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any

import keras
from hiervae.types import Tensor
from keras import ops

from hiervae_flows.masked_network import MaskedNetwork, autoregressive_masks, dense_masks

Affine = tuple[Tensor, Tensor]

UNROLLED = 4
"""The most rounds that are written out, which compiles faster than a loop."""


class Step(keras.layers.Layer, abc.ABC):
    """An invertible map between vectors u, nearer the noise, and z, nearer the latents.

    Args:
        log_scale_bound: largest absolute value of a logarithm of a scale, b; it is b tanh(r / b)
            of the network's outcome r.
    """

    def __init__(self, log_scale_bound: float, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.log_scale_bound = log_scale_bound

    def build(self, input_shape: Any = None) -> None:
        """Create the weights."""
        self.network.build()

    def affine(self, inputs: Tensor) -> Affine:
        """Shift and bounded log-scale that the network gives for inputs (n, ...)."""
        shift, raw = self.network.outputs(inputs)
        return shift, self.log_scale_bound * ops.tanh(raw / self.log_scale_bound)

    @abc.abstractmethod
    def to_noise(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Return u (n, d) for z (n, d), and log |det du/dz|, (n,)."""

    @abc.abstractmethod
    def to_latent(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return z (n, d) for u (n, d), and log |det dz/du|, (n,)."""


class CouplingStep(Step):
    """z_B = u_B exp(s(u_A)) + t(u_A), z_A = u_A (Dinh et al. 2017, Eqs. 4-5).

    A are the first half of the dimensions, B the rest. Both directions take one pass.
    """

    def __init__(
        self, size: int, hidden_units: Sequence[int], log_scale_bound: float, **kwargs: Any
    ) -> None:
        super().__init__(log_scale_bound, **kwargs)
        self.kept = size // 2
        self.network = MaskedNetwork(dense_masks(self.kept, hidden_units, size - self.kept))

    def to_noise(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """See the base class."""
        kept, moved = latent[:, : self.kept], latent[:, self.kept :]
        shift, log_scale = self.affine(kept)
        noise = ops.concatenate([kept, (moved - shift) * ops.exp(-log_scale)], axis=-1)
        return noise, -ops.sum(log_scale, axis=-1)

    def to_latent(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """See the base class."""
        kept, moved = noise[:, : self.kept], noise[:, self.kept :]
        shift, log_scale = self.affine(kept)
        latent = ops.concatenate([kept, moved * ops.exp(log_scale) + shift], axis=-1)
        return latent, ops.sum(log_scale, axis=-1)


class AutoregressiveStep(Step):
    """A step whose shift and log-scale of a dimension depend on the dimensions before it.

    The network is a MADE. One direction takes one pass of it, the other one pass a dimension.
    """

    def __init__(
        self,
        size: int,
        hidden_units: Sequence[int],
        log_scale_bound: float,
        context_size: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(log_scale_bound, **kwargs)
        self.size = size
        masks = autoregressive_masks(size, hidden_units, context_size)
        self.network = MaskedNetwork(masks)

    def _solve(self, update: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
        """The fixed point of an `update` whose dimension d depends on those before d.

        The first k dimensions are exact after k rounds, whatever the start.
        """
        if self.size <= UNROLLED:
            for _ in range(self.size):
                start = update(start)
            return start

        def round_of(values: Tensor, _: Any) -> tuple[Tensor, Tensor]:
            values = update(values)
            return values, values  # TensorFlow wants outputs of the shape of the start

        return ops.scan(round_of, start, length=self.size)[0]


class MaskedStep(AutoregressiveStep):
    """z_d = u_d exp(s_d(z_<d)) + m_d(z_<d) (Papamakarios et al. 2017, Eqs. 2-4)."""

    def to_noise(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """See the base class; one pass."""
        shift, log_scale = self.affine(latent)
        return (latent - shift) * ops.exp(-log_scale), -ops.sum(log_scale, axis=-1)

    def to_latent(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """See the base class; one pass a dimension."""

        def update(latent: Tensor) -> Tensor:
            shift, log_scale = self.affine(latent)
            return noise * ops.exp(log_scale) + shift

        latent = self._solve(update, ops.zeros_like(noise))
        return latent, ops.sum(self.affine(latent)[1], axis=-1)


class InverseStep(AutoregressiveStep):
    """z_d = u_d exp(s_d(u_<d, h)) + m_d(u_<d, h) (Kingma et al. 2016, Eq. 10), h a context."""

    def to_latent(self, noise: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """See the base class; one pass. The context is (n, context_size)."""
        shift, log_scale = self.affine(_beside(noise, context))
        return noise * ops.exp(log_scale) + shift, ops.sum(log_scale, axis=-1)

    def to_noise(self, latent: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """See the base class; one pass a dimension."""

        def update(noise: Tensor) -> Tensor:
            shift, log_scale = self.affine(_beside(noise, context))
            return (latent - shift) * ops.exp(-log_scale)

        noise = self._solve(update, ops.zeros_like(latent))
        return noise, -ops.sum(self.affine(_beside(noise, context))[1], axis=-1)


def _beside(values: Tensor, context: Tensor | None) -> Tensor:
    return values if context is None else ops.concatenate([values, context], axis=-1)
