"""Scaling of channels that can be undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError

Kind = Literal["standard", "range", "none"]

_CONSTANT = 1e-6


@dataclass(frozen=True, eq=False)
class ChannelNormalisation:
    """The map x -> (x - offset) / scale of each channel.

    Attributes:
        offset: shape (channels,).
        scale: positive, shape (channels,).
    """

    offset: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, values: NDArray[Any], kind: Kind) -> ChannelNormalisation:
        """Chooses the map from training values.

        Args:
            values: shape (n, channels).
            kind: `"standard"` gives mean 0 and standard deviation 1, `"range"` gives [0, 1],
                `"none"` changes nothing. A constant channel is only shifted.

        Raises:
            DataError: if the kind is unknown.
        """
        if kind == "standard":
            offset, scale = values.mean(axis=0), values.std(axis=0)
        elif kind == "range":
            offset, scale = values.min(axis=0), np.ptp(values, axis=0)
        elif kind == "none":
            offset, scale = np.zeros(values.shape[1]), np.ones(values.shape[1])
        else:
            raise DataError(f"normalisation={kind!r}; it must be 'standard', 'range' or 'none'.")
        return cls(offset, np.where(scale < _CONSTANT, 1.0, scale))

    def apply(self, values: ArrayLike) -> NDArray[np.float32]:
        """Normalises values of shape (..., channels)."""
        return ((np.asarray(values) - self.offset) / self.scale).astype(np.float32)

    def undo(self, values: ArrayLike) -> NDArray[np.float64]:
        """Original values for normalised ones, shape (..., channels)."""
        original: NDArray[np.float64] = np.asarray(values) * self.scale + self.offset
        return original
