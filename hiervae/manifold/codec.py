"""The way into and out of the latent space of a graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from hiervae.model import HierarchicalVAE

Coder: TypeAlias = Callable[[NDArray[Any]], ArrayLike]
"""A function from arrays to arrays, one row out for each row in."""


@dataclass(frozen=True)
class Codec:
    """Encoder and decoder of a latent space; either may be missing.

    Attributes:
        encode: maps examples (m, *event_shape) to latents (m, d).
        decode: maps latents (m, d) to outputs (m, *event_shape).
        event_shape: shape of one example, where it is known.
    """

    encode: Coder | None = None
    decode: Coder | None = None
    event_shape: tuple[int, ...] | None = None

    @classmethod
    def of_model(cls, model: HierarchicalVAE) -> Codec:
        """Encode and decode with a model, in the latent space that its prior governs.

        Examples are encoded to posterior means; levels below the prior's latent are decoded at
        the means of their conditional priors.
        """
        return cls(
            encode=lambda x: model.governed_latent(model.encode(x)),
            decode=model.generate,
            event_shape=model.event_shape,
        )
