"""Images in a plain file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.sources.image_source import ImageSource
from hiervae.errors import DamagedFileError


class MappedImages(ImageSource):
    """Images in a plain file of bytes, mapped into memory page by page."""

    def __init__(self, path: Path, stored_shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
        """Describes the file.

        Args:
            path: the file, exactly as long as `stored_shape`.
            stored_shape: shape in the file, row-major, images first.
            axes: order in which the axes of `stored_shape` make (n, *event_shape).

        Raises:
            DamagedFileError: if the file has another length.
        """
        if path.stat().st_size != math.prod(stored_shape):
            raise DamagedFileError(
                f"{path} has {path.stat().st_size} bytes; expected {math.prod(stored_shape)}. "
                "Delete it, it will be made again."
            )
        self._path = path
        self._stored_shape = stored_shape
        self._axes = axes

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, then the shape of one."""
        return tuple(self._stored_shape[axis] for axis in self._axes)

    def read(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Reads images by number, bytes of shape (len(indices), *shape of one)."""
        stored = np.memmap(self._path, np.uint8, mode="r", shape=self._stored_shape)
        return np.ascontiguousarray(
            stored[np.asarray(indices, dtype=np.int64)].transpose(self._axes)
        )
