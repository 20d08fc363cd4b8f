"""What is measured on images of digits: class, slant and width of the stroke."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from scipy import ndimage

Array = np.ndarray[Any, Any]
INK = 0.5
"""From this grey value on a pixel belongs to the stroke."""


def slants(images: Array) -> Array:
    """Slant of each image, as the tangent of its angle: pixels to the right for each one up.

    The slope of the regression of column on row, each weighted by its ink, of images (n, h, w).
    """
    rows, columns = np.indices(images.shape[1:])
    ink = images.sum(axis=(1, 2)) + 1e-12
    row = rows - ((images * rows).sum(axis=(1, 2)) / ink)[:, None, None]
    column = columns - ((images * columns).sum(axis=(1, 2)) / ink)[:, None, None]
    spread = (images * row**2).sum(axis=(1, 2)) + 1e-12
    slopes: Array = -(images * row * column).sum(axis=(1, 2)) / spread
    return slopes


def stroke_widths(images: Array) -> Array:
    """Mean width of the strokes in pixels, of images (n, h, w); 0 where there is no ink.

    Across a stroke of width w the distance to its edge rises from 0 to w / 2 and falls again, so
    that the width is four times its mean.
    """
    # Enlarged, since strokes of two or three pixels have no mean distance to speak of.
    finer = [ndimage.zoom(image, 4, order=1) > INK for image in images]
    distances = [ndimage.distance_transform_edt(image) for image in finer]
    means = [
        distance[image].mean() if image.any() else 0.0
        for distance, image in zip(distances, finer, strict=True)
    ]
    return np.array(means)


class DigitClassifier:
    """A small convolutional network that tells digits from each other.

    Args:
        images: to train on, (n, h, w), from 0 to 1.
        labels: their digits, (n,).
        epochs: of the training.
        seed: of the weights.
    """

    def __init__(self, images: Array, labels: Array, epochs: int = 3, seed: int = 0) -> None:
        keras.utils.set_random_seed(seed)
        layers = keras.layers
        self._network = keras.Sequential(
            [
                layers.Conv2D(16, 3, strides=2, activation="relu"),
                layers.Conv2D(32, 3, strides=2, activation="relu"),
                layers.Flatten(),
                layers.Dropout(0.2),
                layers.Dense(10),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self._network.compile("adam", loss)
        self._network.fit(images[..., None], labels, batch_size=128, epochs=epochs, verbose=0)

    def __call__(self, images: Array) -> Array:
        """The digits of images (n, h, w), shape (n,)."""
        digits: Array = self._network.predict(images[..., None], verbose=0).argmax(axis=-1)
        return digits


def measured_factors(images: Array, classifier: DigitClassifier) -> dict[str, Array]:
    """Class, slant and width of the stroke of images (n, h, w), each of shape (n,)."""
    return {
        "class": classifier(images),
        "slant": slants(images),
        "width": stroke_widths(images),
    }
