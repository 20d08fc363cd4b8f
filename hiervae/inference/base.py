"""The base of all inference schemes."""

from __future__ import annotations

import abc
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, TypeVar

from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.inference.passes import GenerativePass, InferencePass
from hiervae.part import Part
from hiervae.types import Shape, Tensor

PerLevel = TypeVar("PerLevel")

DrawTransform = Callable[[int, Tensor, DiagonalNormal], tuple[Tensor, Tensor]]
"""From the number l of a level, a draw (n, *latent_shape) and its normal to z_l and log q(z_l)."""

_FIRST_GOVERNED = {"stacked": -1, "flat": 0}


class InferenceScheme(Part, abc.ABC):
    """The posterior q(z_1, ..., z_L | x) together with the generative structure it pairs with.

    A scheme owns the encoder, the conditional priors p(z_l | ...) of the levels that the model's
    prior does not govern, and the decoder up to the likelihood's features. Its blocks come from
    `self.context.network`. Arrays inside have one leading axis n = samples * batch, sample-major.

    Attributes:
        structure: "stacked" where the prior governs z_L and every other level is conditioned on
            those above; "flat" where the prior governs all levels, concatenated. Whoever wants to
            know what follows from it asks `governed`, `kl_names` or the methods beside them.
        features_shape: shape of the decoder's features without their leading axis, set in `build`.
    """

    structure: ClassVar[Literal["stacked", "flat"]]
    features_shape: Shape
    _transform: DrawTransform | None = None

    def governed(self, levels: Sequence[PerLevel]) -> Sequence[PerLevel]:
        """Return those of z_1 ... z_L that the model's prior governs.

        Args:
            levels: one entry per level, nearest the data first: latents, shapes, numbers.
        """
        return levels[_FIRST_GOVERNED.get(self.structure, -1) :]

    def kl_names(self, num_levels: int, joint: bool) -> tuple[str, ...]:
        """Return the names of the KL terms, nearest the data first.

        Args:
            num_levels: number of stochastic levels L.
            joint: whether the prior is no product over the levels it governs, so that these have
                one term together.

        Returns:
            `kl_1` ... `kl_L`, the governed ones in one where they are several and `joint`.
        """
        numbers = range(1, num_levels + 1)
        names = [f"kl_{number}" for number in numbers]
        governed = self.governed(numbers)
        if joint and len(governed) > 1:
            names[-len(governed) :] = [f"kl_{governed[0]}_to_{governed[-1]}"]
        return tuple(names)

    def join_latents(self, latents: Sequence[Tensor]) -> Tensor:
        """Return the vector that the prior governs, shape (n, prior_dim), of z_1 ... z_L.

        Args:
            latents: all levels, nearest the data first, each (n, *latent_shape).
        """
        vectors = [_as_vectors(latent) for latent in self.governed(latents)]
        return vectors[0] if len(vectors) == 1 else ops.concatenate(vectors, axis=-1)

    def split_latent(self, latent: Tensor) -> list[Tensor]:
        """Return the governed levels, each (n, *latent_shape), of their vector (n, prior_dim)."""
        shapes = self.governed(self.context.latent_shapes)
        if len(shapes) == 1:
            return [_with_shape(latent, shapes[0])]
        sizes = [math.prod(shape) for shape in shapes]
        edges = itertools.pairwise(itertools.accumulate(sizes, initial=0))
        return [
            _with_shape(latent[:, start:end], shape)
            for (start, end), shape in zip(edges, shapes, strict=True)
        ]

    def join_normals(self, normals: Sequence[DiagonalNormal]) -> DiagonalNormal:
        """Return the product of the normals of z_1 ... z_L that the prior governs, as of a vector.

        Args:
            normals: of all levels, nearest the data first, parameters (n, *latent_shape).

        Returns:
            Parameters of shape (n, prior_dim).
        """
        return DiagonalNormal.concatenate([normal.flatten() for normal in self.governed(normals)])

    def split_normal(self, normal: DiagonalNormal) -> list[DiagonalNormal]:
        """Return the marginals of the governed levels of a normal over their vector.

        Args:
            normal: parameters of shape (n, prior_dim).

        Returns:
            One per governed level, parameters of shape (n, *latent_shape).
        """
        shapes = self.governed(self.context.latent_shapes)
        sizes = tuple(math.prod(shape) for shape in shapes)
        blocks = normal.split(sizes) if len(sizes) > 1 else [normal]
        return [block.reshape(shape) for block, shape in zip(blocks, shapes, strict=True)]

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

    def encode_examples(self, inputs: Tensor) -> Any:
        """Return what the draws of `infer_encoded` need of a batch; outside training.

        With `infer_encoded` it is `infer` in two stages, so that scoring, which takes thousands
        of draws for each example, encodes it once. By default all is left to `infer`. A class that
        replaces `infer` alone is asked for that, whatever it inherits.

        Args:
            inputs: x, shape (batch, *event_shape), float32.
        """
        return inputs

    def infer_encoded(
        self, encoded: Any, num_samples: int = 1, sample: bool = True, seed: Any = None
    ) -> InferencePass:
        """Draw the latents of encoded examples and decode them, as `infer` does.

        Args:
            encoded: what `encode_examples` gave.
            num_samples: draws of the latents for each example.
            sample: draw from the posteriors; False takes their means.
            seed: `keras.random.SeedGenerator` of the draws.

        Returns:
            Levels and decoder features, without components.
        """
        return self.infer(encoded, num_samples=num_samples, sample=sample, seed=seed)

    @abc.abstractmethod
    def generate(self, latent: Tensor, sample: bool = True, seed: Any = None) -> GenerativePass:
        """Run the generative model down from the latent that the prior governs.

        Args:
            latent: shape (n, prior_dim); `split_latent` gives the levels in it.
            sample: draw the lower levels; False takes the means of their conditional priors.
            seed: `keras.random.SeedGenerator` of the draws.
        """

    @abc.abstractmethod
    def decode(self, latents: Sequence[Tensor], training: bool = False) -> Tensor:
        """Return the decoder's features for given z_1 ... z_L, each (n, *latent_shape)."""

    @abc.abstractmethod
    def encode_components(self, pseudo_inputs: Tensor, seed: Any = None) -> DiagonalNormal:
        """Return q(z | u_k) of the vector that the prior governs, parameters (K, prior_dim)."""

    def conditional_prior(self, above: Sequence[Tensor], training: bool = False) -> DiagonalNormal:
        """Return p(z_l | z_{l+1}, ..., z_L) of the level below given ones, if it has one.

        Training never calls it; `hiervae.evaluation.traversal` does.

        Args:
            above: z_{l+1} ... z_L, nearest first, each (n, *latent_shape): so many levels down
                from the top is l.
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

    def transform_draws(self, transform: DrawTransform | None) -> None:
        """Let `transform` make every z_l out of the draw of its normal, as a flow does.

        It is for schemes that wrap another one, whose `infer` then says `log_density` of its
        levels. None takes it back.
        """
        self._transform = transform

    def draw_level(
        self, level: int, posterior: DiagonalNormal, sample: bool, seed: Any
    ) -> tuple[Tensor, Tensor | None]:
        """Return z_l and what `Level.log_density` says of it.

        Args:
            level: number l, from 1.
            posterior: the normal that the encoder gave, parameters (n, *latent_shape).
            sample: draw from it; False takes its mean.
            seed: `keras.random.SeedGenerator` of the draw.

        Returns:
            z_l, shape (n, *latent_shape), and log q(z_l | ...) in nats, (n,), or None where z_l is
            a draw of `posterior` itself.
        """
        latent = self.draw(posterior, sample, seed)
        if self._transform is None:
            return latent, None
        return self._transform(level, latent, posterior)

    @staticmethod
    def draw(posterior: DiagonalNormal, sample: bool, seed: Any) -> Tensor:
        """Return a draw of `posterior`, or its mean."""
        return posterior.sample(seed) if sample else posterior.mean


def _as_vectors(latent: Tensor) -> Tensor:
    """Flatten a latent (n, *latent_shape) to (n, d)."""
    if len(latent.shape) == 2:
        return latent
    return ops.reshape(latent, (-1, math.prod(latent.shape[1:])))


def _with_shape(vectors: Tensor, shape: Shape) -> Tensor:
    """Give vectors (n, d) the shape of their level."""
    return vectors if len(shape) == 1 else ops.reshape(vectors, (-1, *shape))
