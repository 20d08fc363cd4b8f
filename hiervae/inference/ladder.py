"""Ladder inference: a precision-weighted merge of evidence from below and above."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.inference.base import PerLevel
from hiervae.inference.normal_scheme import encode_with_pseudo_inputs
from hiervae.inference.passes import InferencePass
from hiervae.inference.stacked import StackedScheme
from hiervae.networks.normal_head import NEAR_STANDARD_NORMAL
from hiervae.types import Config, Tensor
from hiervae.utils.validation import check_bool


class Ladder(StackedScheme):
    """q(z_L | x) prod_l q(z_l | z_{l+1}, x), each level merged from below and above.

    The ladder VAE (Sønderby et al. 2016, Eqs. 13-19). A deterministic pass d_l climbs from x, and
    each level has a head N(mu-hat_l, v-hat_l) on d_l. On the way down, from a draw of z_{l+1},
    q(z_l | z_{l+1}, x) is that normal times the generative p(z_l | z_{l+1}), normalised; at the
    top it is N(mu-hat_L, v-hat_L). The KL of level l is against p(z_l | z_{l+1}). With one level it
    is the plain VAE.

    Args:
        share_top_down: merge with the generative p(z_l | z_{l+1}) itself, as the paper does; False
            gives q a network and heads of its own for that normal, as the authors' code does.
        **kwargs: `prior_block_level`: see `StackedScheme`; `log_variance_bounds`, `variance`,
            `head_batch_norm`: see `NormalScheme`.
    """

    def __init__(self, share_top_down: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share_top_down = check_bool("share_top_down", share_top_down)

    def parents(self, above: Sequence[PerLevel]) -> Sequence[PerLevel]:
        """Return the level above alone: the model is a Markov chain."""
        return above[:1]

    def build(self, input_shape: Any) -> None:
        """Create encoder, conditional priors and decoder for x of shape (n, *event_shape).

        Raises:
            ValueError: if q is to have a network of its own and the model's network has but one.
        """
        context = self.context
        self.encoders, self.posterior_heads = [], []
        below = context.event_shape
        for level, shape in enumerate(context.latent_shapes, start=1):
            block = context.network.posterior_block(level, [below], shape)
            head, below = self._build_head(block, [below], shape, f"posterior_{level}")
            self.encoders.append(block)
            self.posterior_heads.append(head)
        self._build_generative_model()
        if not self.share_top_down:
            self._build_own_top_down()

    def _build_own_top_down(self) -> None:
        shapes = self.context.latent_shapes
        self.top_down_blocks, self.top_down_heads = [], []
        for level, shape in enumerate(shapes[:-1], start=1):
            above = [shapes[level]]
            block = self._prior_block(level, above, shape)
            if block is self.decoders[level - 1]:
                raise ValueError(
                    f"share_top_down=False gives the posterior of level {level} a decoder block of "
                    "its own, but the network gave the same layer twice. Use share_top_down=True, "
                    "or a network that makes new layers, such as 'mlp'."
                )
            name = f"top_down_{level}"
            head, _ = self._build_head(block, above, shape, name, NEAR_STANDARD_NORMAL)
            self.top_down_blocks.append(block)
            self.top_down_heads.append(head)

    def _climb(self, training: bool, inputs: Tensor) -> list[Any]:
        """The features d_1 ... d_L of x, and N(mu-hat_L, v-hat_L)."""
        features = []
        for block in self.encoders:
            inputs = block(inputs, training=training)
            features.append(inputs)
        return [*features, self.posterior_heads[-1].distribution(inputs, training)]

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
        climbed, encoded = encode_with_pseudo_inputs(
            partial(self._climb, training), inputs, pseudo_inputs
        )
        *features, top = climbed

        def posterior_of(
            index: int, above: Sequence[Tensor], prior: DiagonalNormal
        ) -> DiagonalNormal:
            evidence = self.posterior_heads[index].distribution(features[index], training)
            expected = self._expected(index, above, prior, training)
            return merge(evidence.repeat(num_samples), expected)

        levels = self._descend(top.repeat(num_samples), posterior_of, sample, seed, training)
        decoded = self.decode([level.latent for level in levels], training)
        if encoded is None:
            return InferencePass(levels, decoded)
        return InferencePass(levels, decoded, encoded[-1].flatten())

    def encode_examples(self, inputs: Tensor) -> list[DiagonalNormal]:
        """The normals N(mu-hat_l, v-hat_l) of z_1 ... z_L, which x alone gives."""
        *features, top = self._climb(False, inputs)
        heads = zip(self.posterior_heads[:-1], features[:-1], strict=True)
        return [*(head.distribution(each, False) for head, each in heads), top]

    def infer_encoded(
        self,
        encoded: list[DiagonalNormal],
        num_samples: int = 1,
        sample: bool = True,
        seed: Any = None,
    ) -> InferencePass:
        """See the base class."""
        evidence = [normal.repeat(num_samples) for normal in encoded]

        def posterior_of(
            index: int, above: Sequence[Tensor], prior: DiagonalNormal
        ) -> DiagonalNormal:
            return merge(evidence[index], self._expected(index, above, prior, False))

        levels = self._descend(evidence[-1], posterior_of, sample, seed, False)
        return InferencePass(levels, self.decode([level.latent for level in levels]))

    def _expected(
        self, index: int, above: Sequence[Tensor], prior: DiagonalNormal, training: bool
    ) -> DiagonalNormal:
        """The normal that q takes for z_l before it sees x."""
        if self.share_top_down:
            return prior
        features = self.top_down_blocks[index](above[0], training=training)
        return self.top_down_heads[index].distribution(features, training)

    def encode_components(self, pseudo_inputs: Tensor, seed: Any = None) -> DiagonalNormal:
        """q(z_L | u_k), which no draw enters."""
        return self._climb(False, pseudo_inputs)[-1].flatten()

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {**super().get_config(), "share_top_down": self.share_top_down}


def merge(first: DiagonalNormal, second: DiagonalNormal) -> DiagonalNormal:
    """The product of two normal densities, normalised (Sønderby et al. 2016, Eqs. 17-18).

    Precisions add up, and the mean is the precision-weighted one; the text's Eq. 17 is the
    variance. Neither variances nor precisions are formed, so nothing overflows.

    Args:
        first: parameters (n, *event).
        second: parameters (n, *event).
    """
    difference = second.log_variance - first.log_variance
    mean = ops.sigmoid(difference) * first.mean + ops.sigmoid(-difference) * second.mean
    log_variance = first.log_variance - ops.softplus(-difference)
    return DiagonalNormal(mean, log_variance, first.event_rank)
