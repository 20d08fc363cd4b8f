"""The generative model of a stack of stochastic levels."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any

from hiervae.distributions import DiagonalNormal
from hiervae.inference.base import PerLevel
from hiervae.inference.normal_scheme import NormalScheme, call_block
from hiervae.inference.passes import GenerativePass, Level
from hiervae.networks.base import build_block
from hiervae.networks.normal_head import NEAR_STANDARD_NORMAL
from hiervae.types import Config, Shape, Tensor
from hiervae.utils.constructors import option_names
from hiervae.utils.validation import check_choice

PRIOR_BLOCK_LEVELS = ("above", "own")


class StackedScheme(NormalScheme):
    """A scheme with the generative model p(z_L) prod_l p(z_l | ...) p(x | ...).

    `parents` says which levels each depends on. Conditional priors start near N(0, I).

    Args:
        prior_block_level: which of the network's decoder blocks p(z_l | z_{l+1}, ...) has: that of
            the level it comes from, "above", so that widths mirror those of the encoder (Sønderby
            et al. 2016; Burda et al. 2016); or that of its "own" level l, as in models that were
            saved before there was a choice.
        **kwargs: see `NormalScheme`.

    Raises:
        ValueError: if an option is wrong.
    """

    structure = "stacked"

    def __init__(self, prior_block_level: str = "above", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.prior_block_level = check_choice(
            "prior_block_level", prior_block_level, PRIOR_BLOCK_LEVELS
        )

    def _prior_block(self, level: int, shapes: Sequence[Shape], shape: Shape) -> Any:
        """Return a new block below the heads of a normal p(z_level | ...) given these inputs."""
        network = self.context.network
        if self.prior_block_level == "own":
            return network.own_prior_block(level, shapes, shape)
        return network.prior_block(level + 1, shapes, shape)

    @abc.abstractmethod
    def parents(self, above: Sequence[PerLevel]) -> Sequence[PerLevel]:
        """Return those levels that one (or the data) depends on, in the generative model.

        Args:
            above: one entry for each level above, nearest first: latents, or shapes.
        """

    def _build_generative_model(self) -> None:
        """Create conditional priors and decoder."""
        context, network = self.context, self.context.network
        shapes = context.latent_shapes
        self.decoders, self.prior_heads = [], []
        for level, shape in enumerate(shapes[:-1], start=1):
            parents = self.parents(shapes[level:])
            block = self._prior_block(level, parents, shape)
            name = f"prior_{level}"
            head, _ = self._build_head(block, parents, shape, name, NEAR_STANDARD_NORMAL)
            self.decoders.append(block)
            self.prior_heads.append(head)
        parents = self.parents(shapes)
        self.data_block = network.data_block(parents, context.event_shape)
        self.features_shape = build_block(self.data_block, parents)

    def conditional_prior(self, above: Sequence[Tensor], training: bool = False) -> DiagonalNormal:
        """See the base class."""
        index = len(self.decoders) - len(above)
        features = call_block(self.decoders[index], self.parents(above), training)
        return self.prior_heads[index].distribution(features, training)

    def _descend(
        self,
        top: DiagonalNormal,
        posterior_of: Callable[[int, Sequence[Tensor], DiagonalNormal], DiagonalNormal],
        sample: bool,
        seed: Any,
        training: bool,
    ) -> tuple[Level, ...]:
        """Draw z_L from `top`, then every level from its posterior given those above.

        Args:
            top: q(z_L | x).
            posterior_of: called with a level's index from 0, the levels above it, nearest first,
                and its conditional prior.
            sample: draw; False takes means.
            seed: generator of the draws.
            training: whether the step that asks is a training step.
        """
        latent, log_density = self.draw_level(len(self.decoders) + 1, top, sample, seed)
        latents = [latent]
        levels = [Level(latent, top, log_density=log_density)]
        for index in reversed(range(len(self.decoders))):
            prior = self.conditional_prior(latents, training)
            posterior = posterior_of(index, latents, prior)
            latent, log_density = self.draw_level(index + 1, posterior, sample, seed)
            latents.insert(0, latent)
            levels.insert(0, Level(latent, posterior, prior, True, log_density))
        return tuple(levels)

    def generate(self, latent: Tensor, sample: bool = True, seed: Any = None) -> GenerativePass:
        """See the base class."""
        latents = self.split_latent(latent)
        for _ in self.decoders:
            conditional = self.conditional_prior(latents)
            latents.insert(0, self.draw(conditional, sample, seed))
        return GenerativePass(tuple(latents), self.decode(latents))

    def decode(self, latents: Sequence[Tensor], training: bool = False) -> Tensor:
        """The features of p(x | ...), from the levels that x depends on."""
        return call_block(self.data_block, self.parents(latents), training)

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {**super().get_config(), "prior_block_level": self.prior_block_level}

    @classmethod
    def from_config(cls, config: Config) -> Any:
        """Rebuild from `get_config()`, also from one of before there was `prior_block_level`."""
        if "prior_block_level" in option_names(cls):  # not of a subclass with its own options alone
            config = {"prior_block_level": "own", **config}
        return super().from_config(config)
