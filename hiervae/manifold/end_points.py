"""Where paths begin and end: examples and latent vectors from a user, checked and encoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError
from hiervae.manifold.checks import finite_matrix
from hiervae.manifold.codec import Codec, Coder
from hiervae.utils.arrays import array_of_values, require_array

Latents = NDArray[np.float64]


@dataclass(frozen=True)
class EndPoints:
    """Latents of the ends of paths in a graph.

    Attributes:
        codec: of the graph.
        dimension: of its latent vectors, d.
    """

    codec: Codec
    dimension: int

    def of_examples(self, x_a: ArrayLike, x_b: ArrayLike) -> Latents:
        """The encodings of two examples without a batch axis, shape (2, d).

        Raises:
            ValueError: if there is no encoder.
            DataError: if an example has the wrong shape, or is encoded to values not finite.
        """
        start, end = require_array(x_a, "x_a"), require_array(x_b, "x_b")
        expected = self._event_shape(start.shape)
        for name, example in (("x_a", start), ("x_b", end)):
            if example.shape != expected:
                raise DataError(
                    f"{name} has shape {example.shape}; expected one example of shape "
                    f"{expected}, without a batch axis. Many pairs are for interpolate_many."
                )
        return self._encoded(np.stack([start, end]))

    def of_example_pairs(self, pairs: ArrayLike) -> Latents:
        """The encodings of pairs of examples (m, 2, *event_shape), shape (m, 2, d).

        Raises:
            ValueError: if there is no encoder.
            DataError: if the array has the wrong shape, or an example is encoded to values not
                finite.
        """
        examples = require_array(pairs, "pairs")
        expected = self._event_shape(examples.shape[2:])
        if examples.shape[1:] != (2, *expected):
            raise DataError(
                f"pairs has shape {examples.shape}; expected (m, 2, "
                f"{', '.join(str(size) for size in expected) or '...'}), a start and an end of "
                "each pair."
            )
        if not len(examples):
            return np.empty((0, 2, self.dimension))
        latents = self._encoded(examples.reshape(-1, *expected))
        return latents.reshape(len(examples), 2, -1)

    def vector(self, value: ArrayLike, name: str) -> Latents:
        """One latent vector of shape (d,), as float64.

        Raises:
            DataError: if it is no array, or has another shape or is not finite.
        """
        vector = array_of_values(value, name)
        if vector.shape != (self.dimension,):
            raise DataError(
                f"{name} has shape {vector.shape}; expected one latent vector of shape "
                f"{(self.dimension,)}, without a batch axis. For many pairs there is "
                "interpolate_many_latents."
            )
        return finite_matrix(vector[None], name).reshape(-1)

    def vector_pairs(self, pairs: ArrayLike) -> Latents:
        """Pairs of latent vectors, shape (m, 2, d), as float64.

        Raises:
            DataError: if the array has another shape or is not finite.
        """
        latents = array_of_values(pairs, "pairs")
        if latents.ndim != 3 or latents.shape[1:] != (2, self.dimension):
            raise DataError(
                f"pairs has shape {latents.shape}; expected (m, 2, {self.dimension}), the "
                "latent vectors of a start and an end for each pair."
            )
        if not len(latents):
            return np.empty((0, 2, self.dimension))
        flat = finite_matrix(latents.reshape(-1, latents.shape[2]), "pairs")
        return flat.reshape(latents.shape)

    def _event_shape(self, otherwise: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of an example; `otherwise` where it is not known."""
        if self.codec.encode is None:
            raise ValueError(
                "This graph has no encoder; use interpolate_latents, or build the graph with "
                "LatentGraph.from_prior(model) or with encode= in LatentGraph.from_latents."
            )
        return otherwise if self.codec.event_shape is None else self.codec.event_shape

    def _encoded(self, examples: NDArray[Any]) -> Latents:
        """Latents of examples that have been checked, (n, d)."""
        encode = cast("Coder", self.codec.encode)  # `_event_shape` refuses a graph without
        latents = finite_matrix(encode(examples), "the encoded end points")
        expected = (len(examples), self.dimension)
        if latents.shape != expected:
            raise DataError(
                f"{len(examples)} examples were encoded to shape {latents.shape}; expected "
                f"{expected}, one latent vector for each. Give single examples, and an encoder "
                "into the latent space of the graph."
            )
        return latents
