"""Bottom-up inference over a stack of stochastic levels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hiervae.distributions import DiagonalNormal
from hiervae.inference.base import PerLevel
from hiervae.inference.normal_scheme import encode_with_pseudo_inputs
from hiervae.inference.passes import InferencePass, Level
from hiervae.inference.stacked import StackedScheme
from hiervae.networks.normal_head import NEAR_STANDARD_NORMAL
from hiervae.random import common_draws
from hiervae.types import Tensor


class BottomUp(StackedScheme):
    """q(z_1 | x) prod_l q(z_l | z_{l-1}) against p(z_L) prod_l p(z_l | z_{l+1}) p(x | z_1).

    The classic deep VAE (Sønderby et al. 2016, Eqs. 7-9); with one level, the plain VAE. A prior's
    pseudo-inputs are encoded along one draw of the levels below the top.

    Args:
        **kwargs: `prior_block_level`: see `StackedScheme`; `log_variance_bounds`, `variance`,
            `head_batch_norm`: see `NormalScheme`.
    """

    def parents(self, above: Sequence[PerLevel]) -> Sequence[PerLevel]:
        """Return the level above alone: the model is a Markov chain."""
        return above[:1]

    def build(self, input_shape: Any) -> None:
        """Create encoder, conditional priors and decoder for x of shape (n, *event_shape)."""
        context = self.context
        self.encoders, self.posterior_heads = [], []
        below = context.event_shape
        for level, shape in enumerate(context.latent_shapes, start=1):
            block = context.network.posterior_block(level, [below], shape)
            scale = 1.0 if level == 1 else NEAR_STANDARD_NORMAL
            head, _ = self._build_head(block, [below], shape, f"posterior_{level}", scale)
            self.encoders.append(block)
            self.posterior_heads.append(head)
            below = shape
        self._build_generative_model()

    def _posterior(self, index: int, training: bool, below: Tensor) -> list[DiagonalNormal]:
        features = self.encoders[index](below, training=training)
        return [self.posterior_heads[index].distribution(features, training)]

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
        posteriors: list[DiagonalNormal] = []
        latents: list[Tensor] = []
        components, below, below_components = None, inputs, pseudo_inputs
        for index in range(len(self.encoders)):
            function = partial(self._posterior, index, training)
            (posterior,), encoded = encode_with_pseudo_inputs(function, below, below_components)
            if index == 0:
                posterior = posterior.repeat(num_samples)
            below = self.draw(posterior, sample, seed)
            posteriors.append(posterior)
            latents.append(below)
            if encoded is not None:
                (components,) = encoded
                if index < len(self.encoders) - 1:
                    with common_draws():
                        below_components = self.draw(components, sample, seed)
        if components is not None:
            components = components.flatten()
        return self._pass(latents, posteriors, training, components)

    def _pass(
        self,
        latents: list[Tensor],
        posteriors: list[DiagonalNormal],
        training: bool,
        components: DiagonalNormal | None = None,
    ) -> InferencePass:
        """The outcome for latents z_1 ... z_L that were drawn from these posteriors."""
        priors: list[DiagonalNormal | None] = [
            self.conditional_prior(latents[level:], training) for level in range(1, len(latents))
        ]
        levels = [Level(*level) for level in zip(latents, posteriors, [*priors, None], strict=True)]
        return InferencePass(tuple(levels), self.decode(latents, training), components)

    def encode_examples(self, inputs: Tensor) -> DiagonalNormal:
        """q(z_1 | x)."""
        return self._posterior(0, False, inputs)[0]

    def infer_encoded(
        self,
        encoded: DiagonalNormal,
        num_samples: int = 1,
        sample: bool = True,
        seed: Any = None,
    ) -> InferencePass:
        """See the base class."""
        posteriors = [encoded.repeat(num_samples)]
        latents = [self.draw(posteriors[0], sample, seed)]
        for index in range(1, len(self.encoders)):
            posteriors += self._posterior(index, False, latents[-1])
            latents.append(self.draw(posteriors[-1], sample, seed))
        return self._pass(latents, posteriors, False)

    def components_are_drawn(self, num_levels: int) -> bool:
        """With several levels q(z_L | u_k) depends on draws of those below."""
        return num_levels > 1

    def encode_components(self, pseudo_inputs: Tensor, seed: Any = None) -> DiagonalNormal:
        """See the base class."""
        (posterior,) = self._posterior(0, False, pseudo_inputs)
        for index in range(1, len(self.encoders)):
            with common_draws():
                below = posterior.sample(seed)
            (posterior,) = self._posterior(index, False, below)
        return posterior.flatten()
