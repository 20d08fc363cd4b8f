"""Convolutions of images with zeros around them."""

import numpy as np
import pytest
from scipy.signal import correlate

from hiervae.backend import padded_convolution
from tests.support.models import numpy_of, tensor

GENERATOR = np.random.default_rng(0)
KERNEL = GENERATOR.normal(size=(2, 3, 3, 4)).astype("float32")
OFFSET = GENERATOR.normal(size=4).astype("float32")


def _expected(images, padding):
    padded = np.pad(images, ((0, 0), *padding, (0, 0)))
    return np.stack(
        [
            [correlate(image, KERNEL[..., k], mode="valid")[..., 0] for k in range(4)]
            for image in padded
        ]
    ).transpose(0, 2, 3, 1)


@pytest.mark.parametrize(
    "padding", [((0, 0), (0, 0)), ((1, 1), (1, 1)), ((1, 0), (1, 1)), ((0, 2), (2, 1))]
)
def test_of_scipy(padding):
    images = GENERATOR.normal(size=(2, 5, 6, 3)).astype("float32")
    expected = _expected(images, padding)
    outputs = numpy_of(padded_convolution(tensor(images), tensor(KERNEL), padding))
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)
    outputs = numpy_of(padded_convolution(tensor(images), tensor(KERNEL), padding, tensor(OFFSET)))
    np.testing.assert_allclose(outputs, expected + OFFSET, rtol=1e-5, atol=1e-5)
