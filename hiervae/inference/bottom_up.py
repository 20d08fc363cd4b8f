"""Bottom-up inference over a stack of stochastic levels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.inference.base import InferenceScheme
from hiervae.networks.base import build_block
from hiervae.networks.normal_head import (
    DEFAULT_LOG_VARIANCE_BOUNDS,
    NEAR_STANDARD_NORMAL,
    NormalHead,
    standardize_log_variance_bounds,
)
from hiervae.types import Config, GenerativePass, InferencePass, Level, Tensor


class BottomUp(InferenceScheme):
    """q(z_1 | x) prod_l q(z_l | z_{l-1}) against p(z_L) prod_l p(z_l | z_{l+1}) p(x | z_1).

    The classic deep VAE (Sønderby et al. 2016, Eqs. 7-9); with one level, the plain VAE.

    Args:
        log_variance_bounds: bounds of the log-variances of all posteriors and conditional priors.

    Raises:
        ValueError: if the bounds are not two increasing finite numbers.
    """

    structure = "stacked"

    def __init__(
        self,
        log_variance_bounds: tuple[float, float] = DEFAULT_LOG_VARIANCE_BOUNDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.log_variance_bounds = standardize_log_variance_bounds(log_variance_bounds)

    def build(self, input_shape: Any) -> None:
        """Create encoder, conditional priors and decoder for x of shape (n, *event_shape)."""
        context, bounds = self.context, self.log_variance_bounds
        dims, network = context.latent_dims, context.network
        self.encoders, self.posterior_heads = [], []
        self.decoders, self.prior_heads = [], []
        below = context.event_shape
        for level, dim in enumerate(dims, start=1):
            block = network.encoder_block(level, [below])
            scale = 1.0 if level == 1 else NEAR_STANDARD_NORMAL
            head = NormalHead(dim, bounds, scale, name=f"posterior_{level}")
            head.build((None, *build_block(block, [below])))
            self.encoders.append(block)
            self.posterior_heads.append(head)
            below = (dim,)
        for level, (dim, above) in enumerate(pairwise(dims), start=1):
            block = network.decoder_block(level, [(above,)])
            head = NormalHead(dim, bounds, NEAR_STANDARD_NORMAL, name=f"prior_{level}")
            head.build((None, *build_block(block, [(above,)])))
            self.decoders.append(block)
            self.prior_heads.append(head)
        self.data_block = network.data_block([(dims[0],)], context.event_shape)
        self.features_shape = build_block(self.data_block, [(dims[0],)])

    def _posterior(self, index: int, below: Tensor, training: bool) -> DiagonalNormal:
        features = self.encoders[index](below, training=training)
        return self.posterior_heads[index].distribution(features)

    def _conditional_prior(self, index: int, above: Tensor, training: bool) -> DiagonalNormal:
        features = self.decoders[index](above, training=training)
        return self.prior_heads[index].distribution(features)

    def infer(
        self,
        inputs: Tensor,
        pseudo_inputs: Tensor | None = None,
        num_samples: int = 1,
        sample: bool = True,
        seed: Any = None,
        training: bool = False,
    ) -> InferencePass:
        """See the base class."""
        num_inputs = ops.shape(inputs)[0]
        if pseudo_inputs is not None:
            inputs = ops.concatenate([inputs, pseudo_inputs], axis=0)
        first = self._posterior(0, inputs, training)
        components = None
        if pseudo_inputs is not None:
            components = self._climb(first[num_inputs:], seed, training)
            first = first[:num_inputs]
        posterior = first.repeat(num_samples)
        posteriors, latents = [posterior], [self.draw(posterior, sample, seed)]
        for index in range(1, len(self.encoders)):
            posterior = self._posterior(index, latents[-1], training)
            posteriors.append(posterior)
            latents.append(self.draw(posterior, sample, seed))
        levels = [
            Level(latents[i], posteriors[i], self._conditional_prior(i, latents[i + 1], training))
            for i in range(len(latents) - 1)
        ]
        levels.append(Level(latents[-1], posteriors[-1]))
        return InferencePass(tuple(levels), self.decode(latents, training), components)

    def _climb(self, posterior: DiagonalNormal, seed: Any, training: bool) -> DiagonalNormal:
        """q(z_L | z_{L-1}) along one draw of the levels below."""
        for index in range(1, len(self.encoders)):
            posterior = self._posterior(index, posterior.sample(seed), training)
        return posterior

    def generate(self, latent: Tensor, sample: bool = True, seed: Any = None) -> GenerativePass:
        """See the base class."""
        latents = [latent]
        for index in reversed(range(len(self.decoders))):
            conditional = self._conditional_prior(index, latents[0], training=False)
            latents.insert(0, self.draw(conditional, sample, seed))
        return GenerativePass(tuple(latents), self.decode(latents))

    def decode(self, latents: Sequence[Tensor], training: bool = False) -> Tensor:
        """The features of p(x | z_1): only the level nearest the data matters."""
        return self.data_block(latents[0], training=training)

    def encode_components(self, pseudo_inputs: Tensor, seed: Any = None) -> DiagonalNormal:
        """See the base class."""
        return self._climb(self._posterior(0, pseudo_inputs, False), seed, training=False)

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {**super().get_config(), "log_variance_bounds": self.log_variance_bounds}
