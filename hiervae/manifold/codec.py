"""The way into and out of the latent space of a graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.manifold.density import LogDensity

if TYPE_CHECKING:
    from hiervae.model import HierarchicalVAE

Coder: TypeAlias = Callable[[NDArray[Any]], ArrayLike]
"""A function from arrays to arrays, one row out for each row in."""

# Estimates of the prior's density are averaged over so many draws, in the domain of the density.
_NUM_ESTIMATES = 8


@dataclass(frozen=True)
class Codec:
    """Encoder, decoder and density of a latent space; each may be missing.

    Attributes:
        encode: maps examples (m, *event_shape) to latents (m, d).
        decode: maps latents (m, d) to outputs (m, *event_shape).
        event_shape: shape of one example, where it is known.
        log_density: maps latents (m, d) to the prior's log-density or its estimate, (m,) nats.
    """

    encode: Coder | None = None
    decode: Coder | None = None
    event_shape: tuple[int, ...] | None = None
    log_density: LogDensity | None = None

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
            log_density=lambda latents: _log_density(model, latents),
        )


def _log_density(model: HierarchicalVAE, latents: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-density under the prior, (m,) nats; an estimate is the same at each call.

    The model's generator of evaluation draws is left where it was.
    """
    count = 1 if model.prior.is_exact else _NUM_ESTIMATES
    with model.generator_kept():
        estimates = [model.prior_log_prob(latents, seed=seed) for seed in range(count)]
    joined = np.stack(estimates).astype("float64")
    mean: NDArray[np.float64] = np.logaddexp.reduce(joined, axis=0) - np.log(count)
    return mean
