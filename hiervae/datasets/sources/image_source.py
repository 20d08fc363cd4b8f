"""Collections of images that are read example by example."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets.sources.requests import row_numbers
from hiervae.errors import DamagedFileError


class ImageSource(ABC):
    """Images by number; safe to use from several threads and to send to other processes."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Number of images, then the shape of one."""

    @abstractmethod
    def read(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Read images.

        Args:
            indices: numbers of the images, in any order; negative ones are counted from the end.

        Returns:
            Bytes, shape (len(indices), *shape of one).

        Raises:
            IndexError: if a number is out of range.
            DataError: if `indices` is no sequence of integers.
            DamagedFileError: if an image cannot be decoded.
        """


class JoinedImages(ImageSource):
    """Several sources of one shape, one after another."""

    def __init__(self, sources: Sequence[ImageSource]) -> None:
        """Join sources whose images have one shape."""
        self._sources = tuple(sources)
        self._starts = np.cumsum([0, *(source.shape[0] for source in sources)])

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, then the shape of one."""
        return (int(self._starts[-1]), *self._sources[0].shape[1:])

    def read(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Read images by number, bytes of shape (len(indices), *shape of one)."""
        numbers = row_numbers(indices, self.shape[0])
        images = np.empty((len(numbers), *self.shape[1:]), np.uint8)
        owners = np.searchsorted(self._starts, numbers, side="right") - 1
        for owner, source in enumerate(self._sources):
            mine = owners == owner
            images[mine] = source.read(numbers[mine] - self._starts[owner])
        return images


class MappedImages(ImageSource):
    """Images in a plain file of bytes, mapped into memory page by page."""

    def __init__(self, path: Path, stored_shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
        """Describe the file.

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
        self._path = path.absolute()  # the working folder may be another when images are read
        self._stored_shape = stored_shape
        self._axes = axes

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, then the shape of one."""
        return tuple(self._stored_shape[axis] for axis in self._axes)

    def read(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Read images by number, bytes of shape (len(indices), *shape of one)."""
        stored = np.memmap(self._path, np.uint8, mode="r", shape=self._stored_shape)
        rows = row_numbers(indices, self._stored_shape[0])
        return np.ascontiguousarray(stored[rows].transpose(self._axes))
