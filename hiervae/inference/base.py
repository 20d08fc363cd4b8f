"""The base of all inference schemes."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from hiervae.distributions import DiagonalNormal
from hiervae.inference.passes import GenerativePass, InferencePass
from hiervae.part import Part
from hiervae.types import Shape, Tensor


class InferenceScheme(Part, abc.ABC):
    """The posterior q(z_1, ..., z_L | x) together with the generative structure it pairs with.

    A scheme owns the encoder, the conditional priors p(z_l | ...) of the levels that the model's
    prior does not govern, and the decoder up to the likelihood's features. Its blocks come from
    `self.context.network`. Arrays inside have one leading axis n = samples * batch, sample-major.

    Attributes:
        structure: "stacked" where the prior governs z_L and every other level is conditioned on
            those above; "flat" where the prior governs all levels, concatenated.
        features_shape: shape of the decoder's features without their leading axis, set in `build`.
    """

    structure: ClassVar[Literal["stacked", "flat"]]
    features_shape: Shape

    @abc.abstractmethod
    def infer(
        self,
        inputs: Tensor,
        pseudo_inputs: Tensor | None = None,
        num_samples: int = 1,
        sample: bool = True,
        seed: Any = None,
        training: bool = False,
    ) -> InferencePass:
        """Encode a batch, draw its latents and decode them.

        Args:
            inputs: x, shape (batch, *event_shape), float32.
            pseudo_inputs: the prior's u_k, shape (K, *event_shape), encoded in the same pass.
            num_samples: draws of the latents for each example.
            sample: draw from the posteriors; False takes their means.
            seed: `keras.random.SeedGenerator` of the draws.
            training: whether the step that asks is a training step.

        Returns:
            Levels, decoder features, and the pseudo-inputs' posteriors where some were given.
        """

    @abc.abstractmethod
    def generate(self, latent: Tensor, sample: bool = True, seed: Any = None) -> GenerativePass:
        """Run the generative model down from the latent that the prior governs.

        Args:
            latent: shape (n, prior_dim).
            sample: draw the lower levels; False takes the means of their conditional priors.
            seed: `keras.random.SeedGenerator` of the draws.
        """

    @abc.abstractmethod
    def decode(self, latents: Sequence[Tensor], training: bool = False) -> Tensor:
        """The decoder's features for given z_1 ... z_L, each of shape (n, d_l)."""

    @abc.abstractmethod
    def encode_components(self, pseudo_inputs: Tensor, seed: Any = None) -> DiagonalNormal:
        """q(z | u_k) of the latent that the prior governs, parameters (K, prior_dim)."""

    def conditional_prior(self, above: Sequence[Tensor], training: bool = False) -> DiagonalNormal:
        """p(z_l | z_{l+1}, ..., z_L) of the level below given ones, in a stacked structure.

        Training never calls it; `hiervae.evaluation.traversal` does.

        Args:
            above: z_{l+1} ... z_L, nearest first, each (n, d): so many levels down from the top
                is l.
            training: whether the step that asks is a training step.

        Raises:
            NotImplementedError: if the scheme does not say.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not say what p(z_l | z_l+1, ...) is; expected a method "
            "conditional_prior(above, training=False), as schemes of a stacked structure have "
            "that want single levels looked at."
        )

    def components_are_drawn(self, num_levels: int) -> bool:
        """Whether `encode_components` draws lower levels on the way; False by default.

        A mixture of such components is an estimate of the prior's density.
        """
        return False

    @staticmethod
    def draw(posterior: DiagonalNormal, sample: bool, seed: Any) -> Tensor:
        """A draw of `posterior`, or its mean."""
        return posterior.sample(seed) if sample else posterior.mean
