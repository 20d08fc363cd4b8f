"""Top-down inference over a stack in which all levels are joined to one another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hiervae.distributions import DiagonalNormal
from hiervae.inference.base import PerLevel
from hiervae.inference.normal_scheme import call_block, encode_with_pseudo_inputs
from hiervae.inference.passes import InferencePass
from hiervae.inference.stacked import StackedScheme
from hiervae.networks.blocks import begin_block, finish_block, repeat_rows
from hiervae.networks.normal_head import NEAR_STANDARD_NORMAL
from hiervae.types import Tensor


class TopDown(StackedScheme):
    """q(z_L | x) prod_l q(z_l | x, z_{l+1}, ..., z_L), with a model joined in the same way.

    The generative model is p(z_L) prod_l p(z_l | z_{l+1}, ..., z_L) p(x | z_1, ..., z_L). With two
    levels this is the HVAE of Tomczak & Welling (2018, Eqs. 10-15): q(z_2 | x), q(z_1 | x, z_2),
    p(z_1 | z_2), p(x | z_1, z_2). With more, every level is conditioned on all those above it, and
    x on all levels; the blocks of the network are called with x or z_{l+1} first and z_L last.

    Args:
        **kwargs: `prior_block_level`: see `StackedScheme`; `log_variance_bounds`, `variance`,
            `head_batch_norm`: see `NormalScheme`.
    """

    def parents(self, above: Sequence[PerLevel]) -> Sequence[PerLevel]:
        """Return all levels above."""
        return above

    def build(self, input_shape: Any) -> None:
        """Create encoders, conditional priors and decoder for x of shape (n, *event_shape).

        Raises:
            ValueError: if the model has one level.
        """
        context = self.context
        dims, shapes = context.latent_dims, context.latent_shapes
        if len(dims) < 2:
            raise ValueError(
                f"Top-down inference was given one level, latent_dims={dims}; expected two or more "
                "levels, since it conditions each on those above. Give latent_dims such as "
                f"{dims * 2}, or use inference='bottom_up', which with one level is the plain VAE."
            )
        self.encoders, self.posterior_heads = [], []
        for level, shape in enumerate(shapes, start=1):
            given = [context.event_shape, *shapes[level:]]
            block = context.network.posterior_block(level, given, shape)
            scale = 1.0 if level == len(dims) else NEAR_STANDARD_NORMAL
            head, _ = self._build_head(block, given, shape, f"posterior_{level}", scale)
            self.encoders.append(block)
            self.posterior_heads.append(head)
        self._build_generative_model()

    def _posterior(self, index: int, given: Sequence[Tensor], training: bool) -> DiagonalNormal:
        """q(z_{index+1} | ...) given x and all levels above, nearest first."""
        features = call_block(self.encoders[index], given, training)
        return self.posterior_heads[index].distribution(features, training)

    def _top(self, training: bool, inputs: Tensor) -> list[DiagonalNormal]:
        return [self._posterior(len(self.encoders) - 1, [inputs], training)]

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
        (top,), components = encode_with_pseudo_inputs(
            partial(self._top, training), inputs, pseudo_inputs
        )
        inputs = repeat_rows(inputs, num_samples)

        def posterior_of(
            index: int, above: Sequence[Tensor], prior: DiagonalNormal
        ) -> DiagonalNormal:
            return self._posterior(index, [inputs, *above], training)

        levels = self._descend(top.repeat(num_samples), posterior_of, sample, seed, training)
        decoded = self.decode([level.latent for level in levels], training)
        if components is None:
            return InferencePass(levels, decoded)
        return InferencePass(levels, decoded, components[0].flatten())

    def encode_examples(self, inputs: Tensor) -> tuple[DiagonalNormal, list[Any]]:
        """q(z_L | x), and what the blocks of the levels below make of x alone."""
        (top,) = self._top(False, inputs)
        return top, [begin_block(block, inputs) for block in self.encoders[:-1]]

    def infer_encoded(
        self,
        encoded: tuple[DiagonalNormal, list[Any]],
        num_samples: int = 1,
        sample: bool = True,
        seed: Any = None,
    ) -> InferencePass:
        """See the base class."""
        top, begun = encoded

        def posterior_of(
            index: int, above: Sequence[Tensor], prior: DiagonalNormal
        ) -> DiagonalNormal:
            features = finish_block(self.encoders[index], begun[index], above, num_samples)
            return self.posterior_heads[index].distribution(features, False)

        levels = self._descend(top.repeat(num_samples), posterior_of, sample, seed, False)
        return InferencePass(levels, self.decode([level.latent for level in levels]))

    def encode_components(self, pseudo_inputs: Tensor, seed: Any = None) -> DiagonalNormal:
        """q(z_L | u_k), which no draw enters."""
        return self._top(False, pseudo_inputs)[0].flatten()
