"""From stored values to the values that models see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.datasets.draws import generator
from hiervae.errors import DataError, DatasetOptionError
from hiervae.utils.arrays import require_array, to_float32

Array: TypeAlias = NDArray[np.float32]
"""Examples in memory, shape (n, *event_shape)."""

Kind = Literal["standard", "range", "none"]

_CONSTANT = 1e-6


def scale_bytes(values: NDArray[Any]) -> Array:
    """Map 0 ... 255 to [0, 1] by division by 255.

    Args:
        values: unsigned bytes, any shape.

    Returns:
        float32 of the same shape.
    """
    scaled: Array = np.divide(values, np.float32(255.0), dtype=np.float32)
    return scaled


def binarise(probabilities: ArrayLike, seed: int) -> Array:
    """Return one Bernoulli draw of each value, the same for the same seed.

    Args:
        probabilities: values in [0, 1], any shape.
        seed: seed of the draw, an integer of at least 0.

    Returns:
        0 and 1, float32 of the same shape.

    Raises:
        DataError: if a value is outside [0, 1], or the seed no integer of at least 0.
    """
    values = to_float32(require_array(probabilities, "probabilities"), "probabilities")
    outside = ~((values >= 0.0) & (values <= 1.0))
    if outside.any():
        raise DataError(
            f"probabilities holds {values[outside][0]:g} ({int(outside.sum())} values outside "
            "[0, 1]); expected probabilities. Divide bytes by 255."
        )
    draws = generator(seed).random(values.shape, dtype=np.float32)
    return (draws < values).astype(np.float32)


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
        """Choose the map from training values.

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
            raise DatasetOptionError(
                f"normalisation={kind!r}; it must be 'standard', 'range' or 'none'."
            )
        return cls(offset, np.where(scale < _CONSTANT, 1.0, scale))

    def apply(self, values: ArrayLike) -> NDArray[np.float32]:
        """Normalise values of shape (..., channels)."""
        return ((np.asarray(values) - self.offset) / self.scale).astype(np.float32)

    def undo(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the original values for normalised ones, shape (..., channels)."""
        original: NDArray[np.float64] = np.asarray(values) * self.scale + self.offset
        return original
