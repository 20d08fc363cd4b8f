"""Convolutions that see only what comes before a pixel."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from hiervae.backend import padded_convolution
from hiervae.networks.starts import Start
from hiervae.types import Tensor
from hiervae.utils.batching import Array
from hiervae.utils.validation import check_choice


class MaskedConv2D(keras.layers.Layer):
    """A convolution autoregressive over pixels and channels (van den Oord et al. 2016).

    Pixels come row by row, from the left in a row, and the channels of a pixel in their order.
    Channels of features are split into `num_groups` groups, one for each channel of the image.
    A value sees all groups at earlier pixels and, at its own pixel, the groups before its own
    (type A, over the image itself) or up to its own (type B, over features of such layers).

    Maps (n, H, W, channels) to (n, H, W, filters).

    Args:
        filters: number of outputs; at least `num_groups`.
        kernel_size: height and width, odd.
        mask_type: "A" or "B".
        num_groups: channels of the image.
        use_bias: add a bias.
        bias_initializer: start of that bias.
        **kwargs: of a Keras layer.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        mask_type: str,
        num_groups: int = 1,
        use_bias: bool = True,
        bias_initializer: Start = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.mask_type = check_choice("mask_type", mask_type, ("A", "B"))
        self.num_groups = num_groups
        self.use_bias = use_bias
        self.bias_initializer = bias_initializer

    @property
    def reach(self) -> int:
        """Rows above, and columns to either side, that the kernel covers."""
        return self.kernel_size // 2

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs (n, H, W, channels)."""
        channels, size = input_shape[-1], self.kernel_size
        self._mask = self._make_mask(channels)
        self.kernel = self.add_weight(
            shape=(size, size, channels, self.filters), initializer="he_normal", name="kernel"
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.filters,), initializer=self.bias_initializer, name="bias"
            )

    def _make_mask(self, channels: int) -> Array:
        size, reach = self.kernel_size, self.reach
        mask = np.zeros((size, size, channels, self.filters), "float32")
        mask[:reach] = mask[reach, :reach] = 1.0
        seen, seeing = self._groups(channels)[:, None], self._groups(self.filters)
        mask[reach, reach] = seen < seeing if self.mask_type == "A" else seen <= seeing
        return mask

    def _groups(self, channels: int) -> Array:
        return np.arange(channels) * self.num_groups // channels

    def _weights(self) -> Tensor:
        return ops.cast(self.kernel, self.compute_dtype) * ops.cast(self._mask, self.compute_dtype)

    def _bias(self) -> Tensor | None:
        return None if self.bias is None else ops.cast(self.bias, self.compute_dtype)

    def call(self, inputs: Tensor) -> Tensor:
        """Convolve whole images at once."""
        return self._of_images(inputs, self._weights(), self._bias())

    def scaled(self, inputs: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Convolve as `call`, with a factor and a shift (filters,) of outputs instead of a bias."""
        inputs, scale, shift = (
            ops.cast(each, self.compute_dtype) for each in (inputs, scale, shift)
        )
        return self._of_images(inputs, self._weights() * scale, shift)

    def _of_images(self, inputs: Tensor, kernel: Tensor, offset: Tensor | None) -> Tensor:
        """Convolve without the rows of the kernel below the pixel, which are masked."""
        reach = self.reach
        padding = ((reach, 0), (reach, reach))
        return padded_convolution(inputs, kernel[: reach + 1], padding, offset)

    def from_above(self, rows: Tensor) -> Tensor:
        """What the `reach` rows above, (n, reach, W, channels), add to a row, with the bias.

        Returns:
            Shape (n, 1, W, filters).
        """
        reach = self.reach
        rows = ops.cast(rows, self.compute_dtype)
        kernel = self._weights()[:reach]
        return padded_convolution(rows, kernel, ((0, 0), (reach, reach)), self._bias())

    def row_kernel(self) -> Tensor:
        """Weights of the `reach` pixels to the left and of the pixel itself.

        Returns:
            Shape (reach + 1, channels, filters).
        """
        return self._weights()[self.reach, : self.reach + 1]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape (n, H, W, filters)."""
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "mask_type": self.mask_type,
            "num_groups": self.num_groups,
            "use_bias": self.use_bias,
        }
