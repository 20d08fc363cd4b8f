"""Several collections as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.sources.image_source import ImageSource


class JoinedImages(ImageSource):
    """Several sources of one shape, one after another."""

    def __init__(self, sources: Sequence[ImageSource]) -> None:
        """Joins sources whose images have one shape."""
        self._sources = tuple(sources)
        self._starts = np.cumsum([0, *(source.shape[0] for source in sources)])

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, then the shape of one."""
        return (int(self._starts[-1]), *self._sources[0].shape[1:])

    def read(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Reads images by number, bytes of shape (len(indices), *shape of one)."""
        numbers = np.asarray(indices, dtype=np.int64)
        images = np.empty((len(numbers), *self.shape[1:]), np.uint8)
        owners = np.searchsorted(self._starts, numbers, side="right") - 1
        for owner, source in enumerate(self._sources):
            mine = owners == owner
            images[mine] = source.read(numbers[mine] - self._starts[owner])
        return images
