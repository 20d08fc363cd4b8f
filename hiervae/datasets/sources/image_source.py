"""What a collection of images offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ImageSource(ABC):
    """Images by number; safe to use from several threads and to send to other processes."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Number of images, then the shape of one."""

    @abstractmethod
    def read(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Reads images.

        Args:
            indices: numbers of the images, in any order.

        Returns:
            Bytes, shape (len(indices), *shape of one).

        Raises:
            DamagedFileError: if one cannot be decoded.
        """
