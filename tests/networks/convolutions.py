"""Convolutions written out in NumPy."""

import numpy as np


def convolve(images, kernel, strides):
    """A "same" convolution, channels last: zeros beyond the edge, the odd one on the far side."""
    edge, _, _, filters = kernel.shape
    count, *size, _ = images.shape
    outputs = [-(-length // step) for length, step in zip(size, strides)]
    widths = [(0, 0)]
    for length, output, step in zip(size, outputs, strides):
        total = max((output - 1) * step + edge - length, 0)
        widths.append((total // 2, total - total // 2))
    padded = np.pad(images, [*widths, (0, 0)])
    result = np.zeros((count, *outputs, filters))
    for row in range(outputs[0]):
        for column in range(outputs[1]):
            top, left = row * strides[0], column * strides[1]
            window = padded[:, top : top + edge, left : left + edge]
            result[:, row, column] = np.tensordot(window, kernel, axes=3)
    return result


def convolve_transposed(images, kernel, stride, size):
    """Each pixel adds a kernel (edge, edge, filters, channels) to an image `stride` times as big.

    The image is cut to `size` such that the kernels lie around their pixels.
    """
    edge, _, filters, _ = kernel.shape
    count, height, width, _ = images.shape
    shape = [(length - 1) * stride + max(edge, stride) for length in (height, width)]
    result = np.zeros((count, *shape, filters))
    for row in range(height):
        for column in range(width):
            top, left = row * stride, column * stride
            patch = np.einsum("nc,abfc->nabf", images[:, row, column], kernel)
            result[:, top : top + edge, left : left + edge] += patch
    margin = max(edge - stride, 0) // 2
    return result[:, margin : margin + size[0], margin : margin + size[1]]
