"""From stored values to the values that models see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.dataset import Array


def scale_bytes(values: NDArray[Any]) -> Array:
    """Maps 0 ... 255 to [0, 1] by division by 255.

    Args:
        values: unsigned bytes, any shape.

    Returns:
        float32 of the same shape.
    """
    scaled: Array = np.divide(values, np.float32(255.0), dtype=np.float32)
    return scaled


def binarise(probabilities: Array, seed: int) -> Array:
    """One Bernoulli draw of each value, the same for the same seed.

    Args:
        probabilities: values in [0, 1], any shape.
        seed: seed of the draw.

    Returns:
        0 and 1, float32 of the same shape.
    """
    draws = np.random.default_rng(seed).random(probabilities.shape, dtype=np.float32)
    return (draws < probabilities).astype(np.float32)
