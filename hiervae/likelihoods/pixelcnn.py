"""The PixelCNN decoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from hiervae import random
from hiervae.distributions.diagonal_normal import as_float32
from hiervae.likelihoods.base import Likelihood
from hiervae.likelihoods.greys import (
    check_binary,
    check_num_levels,
    grey_of,
    is_binary,
    is_grey,
    level_of,
    where_possible,
)
from hiervae.likelihoods.heads import OutputHead
from hiervae.likelihoods.pixel_outputs import GREY_DISTRIBUTIONS, pixel_output
from hiervae.networks.masked_convolution import MaskedConv2D
from hiervae.networks.normalization import BatchNormalization
from hiervae.networks.starts import RepeatedStart
from hiervae.types import Config, Shape, Tensor
from hiervae.utils.batching import Array
from hiervae.utils.validation import (
    check_bool,
    check_choice,
    check_optional_positive_int,
    check_positive_int,
)

State = tuple[Tensor, ...]
Choice = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class PixelCNNParameters:
    """What the density of an image depends on beside the image.

    Attributes:
        conditioning: what the latents add to the first convolution, shape (n, H, W, filters).
        training: whether batch normalisation takes the statistics of the batch.
    """

    conditioning: Tensor
    training: bool


class PixelCNN(Likelihood):
    """p(x | z) = prod_i p(x_i | x_1 ... x_{i-1}, z) by masked convolutions.

    The decoder of the PixelHVAE (Tomczak & Welling 2018): the features are mapped to image
    channels, joined with x, and followed by masked convolutions (the first of type A over x; the
    channels of the features are not masked), batch normalisation, ReLU, and a 1x1 output.

    Values come pixel by pixel, row by row, and the channels of a pixel in their order: channel c
    sees the channels before it at its own pixel, and all channels of earlier pixels. Draws take H
    steps, a row of pixels each, in compiled code; every feature is computed once for a pixel. In
    drawing, batch normalisation takes its moving statistics.

    `mean` is not the mean of what `sample` draws, which has no closed form, but the image whose
    pixels are each the expectation given the expectations before it. It is deterministic and costs
    as much as one draw. The reconstruction error is -log p(x | z).

    Args:
        levels: 2 for zeros and ones (Bernoulli), or the number of levels of a grey in [0, 1],
            such as 256. Greys fall into levels as they do in
            `DiscretizedLogistic`; the convolutions see the grey that stands for the level.
        num_layers: number of masked convolutions before the output.
        num_filters: channels of each; at least the channels of an image.
        kernel_size: odd height and width of their kernels.
        batch_norm: normalise before each ReLU.
        num_conditioning_channels: image channels that the features are mapped to; None takes the
            channels of the features as they are, which are then an image of the example's height
            and width, such as that of the network "pixel_conv" with a channel for each latent.
        grey_distribution: "softmax" over all levels, or "discretized_logistic" with
            a location and a log-scale for each value, as the paper has for its grey images. Zeros
            and ones are Bernoulli whatever it is.

    Raises:
        ValueError: if an option is not as described; at build, if examples are no images (H, W)
            or (H, W, C).
    """

    value_range = (0.0, 1.0)
    mean_is_exact = False

    def __init__(
        self,
        levels: int = 2,
        num_layers: int = 8,
        num_filters: int = 64,
        kernel_size: int = 3,
        batch_norm: bool = True,
        num_conditioning_channels: int | None = 1,
        grey_distribution: str = "softmax",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.levels = check_num_levels("levels", levels)
        self.num_layers = check_positive_int("num_layers", num_layers)
        self.num_filters = check_positive_int("num_filters", num_filters)
        self.kernel_size = check_positive_int("kernel_size", kernel_size)
        if self.kernel_size < 3 or self.kernel_size % 2 == 0:
            raise ValueError(
                f"kernel_size={kernel_size!r}: expected an odd number from 3, such as "
                "kernel_size=3. A pixel is predicted from its neighbours."
            )
        self.batch_norm = check_bool("batch_norm", batch_norm)
        self.num_conditioning_channels = check_optional_positive_int(
            "num_conditioning_channels", num_conditioning_channels
        )
        self.grey_distribution = check_choice(
            "grey_distribution", grey_distribution, GREY_DISTRIBUTIONS
        )
        self.distribution = pixel_output(self.grey_distribution, self.levels)

    def build(self, input_shape: Any) -> None:
        """Create all weights for features of shape (n, ...)."""
        event_shape = self.context.event_shape
        if len(event_shape) not in (2, 3):
            raise ValueError(
                f"The PixelCNN likelihood received examples of shape {event_shape}; expected "
                "images of shape (H, W) or (H, W, C), because a pixel is predicted from the "
                "pixels around it. Reshape the examples, or choose another likelihood."
            )
        height, width, *rest = event_shape
        channels = rest[0] if rest else 1
        if self.num_filters < channels:
            raise ValueError(
                f"num_filters={self.num_filters} with images of {channels} channels: expected at "
                "least one filter for each channel."
            )
        self.image_shape = (height, width, channels)
        filters = self.num_filters
        if self.num_conditioning_channels is None:
            shape = self._image_of_features(tuple(input_shape[1:]))
            self.head = None
        else:
            shape = (height, width, self.num_conditioning_channels)
            self.head = OutputHead(shape, name="conditioning")
            self.head.build(input_shape)
        self.conditioning = keras.layers.Conv2D(
            filters,
            self.kernel_size,
            padding="same",
            use_bias=False,
            data_format="channels_last",
            name="conditioning_conv",
        )
        self.conditioning.build((None, *shape))
        self.convolutions, self.normalizations = [], []
        for index in range(self.num_layers):
            inputs = filters if index else channels
            layer = MaskedConv2D(
                filters,
                self.kernel_size,
                "B" if index else "A",
                channels,
                use_bias=not self.batch_norm,
                name=f"masked_conv_{index + 1}",
            )
            layer.build((None, height, width, inputs))
            self.convolutions.append(layer)
            if self.batch_norm:
                norm = BatchNormalization(name=f"batch_norm_{index + 1}")
                norm.build((None, height, width, filters))
                self.normalizations.append(norm)
        num_logits = channels * self.distribution.units
        self.output_conv = MaskedConv2D(
            num_logits,
            1,
            "B",
            channels,
            bias_initializer=RepeatedStart(self.distribution.start),
            name="logits",
        )
        self.output_conv.build((None, height, width, filters))

    def _image_of_features(self, features: Shape) -> Shape:
        height, width, _ = self.image_shape
        if len(features) != 3 or features[:2] != (height, width):
            raise ValueError(
                f"num_conditioning_channels=None with features of shape {features}: expected an "
                f"image ({height}, {width}, channels) of the example's height and width. Choose a "
                "network that makes one, such as 'pixel_conv', or give a number of channels."
            )
        return features

    def call(self, features: Tensor, training: bool = False) -> PixelCNNParameters:
        """What the features (n, ...) say to the masked convolutions."""
        channels = features
        if self.head is not None:
            (channels,) = self.head(features)
        return PixelCNNParameters(self.conditioning(channels), training)

    def _shaped_logits(self, logits: Tensor) -> Tensor:
        """Outputs (n, H, W, units) as float32 logits (n, H, W, C, units / C)."""
        (height, width, units), channels = logits.shape[1:], self.image_shape[-1]
        return ops.reshape(as_float32(logits), (-1, height, width, channels, units // channels))

    def logits(self, images: Tensor, parameters: PixelCNNParameters) -> Tensor:
        """Logits of every value of images (n, H, W, C) given the values before it.

        Returns:
            Shape (n, H, W, C, units), float32: a logit for each level, location and log-scale of a
            discretised logistic (before their bounds), or one logit for two levels.
        """
        hidden = images
        for index, layer in enumerate(self.convolutions):
            if self.batch_norm and not parameters.training:
                scale, shift = self._scale_and_shift(index)
                hidden = layer.scaled(hidden, scale, shift)
                if index == 0:
                    hidden = hidden + ops.cast(parameters.conditioning, hidden.dtype) * scale
            else:
                hidden = layer(hidden)
                if index == 0:
                    hidden = hidden + ops.cast(parameters.conditioning, hidden.dtype)
                if self.batch_norm:
                    hidden = self.normalizations[index](hidden, training=True)
            hidden = ops.relu(hidden)
        return self._shaped_logits(self.output_conv(hidden))

    def log_prob(self, value: Tensor, parameters: PixelCNNParameters) -> Tensor:
        """Log-probability in nats, shape (n,), of all pixels of x (n, *event_shape) in parallel."""
        image = ops.reshape(value, (-1, *self.image_shape))
        level = level_of(image, self.levels)
        logits = self.logits(grey_of(level, self.levels), parameters)
        possible = is_binary(image) if self.levels == 2 else is_grey(image)
        return where_possible(possible, self.distribution.log_prob(level, logits))

    def mean(self, parameters: PixelCNNParameters) -> Tensor:
        """Each pixel's expectation given those before it, shape (n, *event_shape)."""
        shape = (ops.shape(parameters.conditioning)[0], *self.context.event_shape)
        zeros = ops.zeros(shape, dtype="float32")
        return self._all_rows(self._start(zeros, parameters), self._expect)

    def sample(self, parameters: PixelCNNParameters, seed: Any = None) -> Tensor:
        """Zeros and ones, or greys k / (levels - 1): shape (n, *event_shape)."""
        return self._all_rows(self.start_sampling(parameters, seed), self.distribution.draw)

    @property
    def num_sampling_steps(self) -> int:
        """One a row of pixels."""
        return self.image_shape[0]

    def start_sampling(self, parameters: PixelCNNParameters, seed: Any = None) -> State:
        """See the base class; the first tensor holds the noise of the pixels not yet drawn."""
        num = ops.shape(parameters.conditioning)[0]
        noise = random.uniform((num, *self.context.event_shape), seed)
        return self._start(noise, parameters)

    def sampling_step(self, state: State, step: Tensor) -> State:
        """Draw the pixels of row `step`."""
        return self._next_row(state, step, self.distribution.draw)

    def _expect(self, logits: Tensor, noise: Tensor) -> Tensor:
        return self.distribution.expect(logits)

    def _start(self, first: Tensor, parameters: PixelCNNParameters) -> State:
        """The image, the conditioning, and for each convolution the rows above the first one."""
        num, (_, width, channels) = ops.shape(first)[0], self.image_shape
        rows = (num, self.kernel_size // 2, width)
        image = ops.zeros((*rows, channels), dtype="float32")
        hidden = ops.zeros((*rows, self.num_filters), dtype=self.compute_dtype)
        above = [image] + [hidden] * (self.num_layers - 1)
        return (first, ops.cast(parameters.conditioning, self.compute_dtype), *above)

    def _all_rows(self, state: State, choose: Choice) -> Tensor:
        def row(step: Any, state: State) -> State:
            return self._next_row(state, step, choose)

        return ops.fori_loop(0, self.image_shape[0], row, state)[0]

    def _next_row(self, state: State, step: Tensor, choose: Choice) -> State:
        """The state after row `step`, with the values that `choose(logits, noise)` gives.

        What the rows above add to a row is computed for the whole row at once; the sum over the
        pixels to the left follows pixel by pixel. A pixel is visited once for each of its channels,
        since a channel is chosen only when those before it are known.
        """
        value, conditioning, *above = state
        (height, width, channels), reach = self.image_shape, self.kernel_size // 2
        image = ops.reshape(value, (-1, height, width, channels))
        row = step + ops.arange(1, dtype="int32")
        noise = ops.take(image, row, axis=1)
        bases, kernels = [], []
        for number, (layer, rows) in enumerate(zip(self.convolutions, above, strict=True)):
            base = layer.from_above(rows)
            if number == 0:
                base = base + ops.take(conditioning, row, axis=1)
            base, kernel = self._normalized(number, base, layer.row_kernel())
            bases.append(base)
            kernels.append(kernel)
        output = self.output_conv.row_kernel()
        bias = ops.cast(self.output_conv.bias, self.compute_dtype)
        left = ((0, 0), (0, 0), (reach, 0), (0, 0))
        start = tuple(ops.pad(ops.zeros_like(each[:, :1]), left) for each in above)
        columns = ops.arange(width + reach, dtype="int32")

        def visit(index: Any, rows: State) -> State:
            values, column = [*rows], index // channels
            here = ops.reshape(ops.equal(columns, column + reach), (-1, 1))
            at, window = (
                column + ops.arange(1, dtype="int32"),
                column + ops.arange(reach + 1, dtype="int32"),
            )
            for number, (base, kernel) in enumerate(zip(bases, kernels, strict=True)):
                pixels = ops.cast(ops.take(values[number], window, axis=2), self.compute_dtype)
                hidden = ops.relu(_contracted(pixels, kernel) + ops.take(base, at, axis=2))
                if number + 1 < len(values):
                    values[number + 1] = ops.where(here, hidden, values[number + 1])
            logits = self._shaped_logits(_contracted(hidden, output) + bias)
            chosen = choose(logits, ops.take(noise, at, axis=2))
            values[0] = ops.where(here, chosen, values[0])
            return tuple(values)

        rows = ops.fori_loop(0, width * channels, visit, start)
        drawn = [values[:, :, reach:] for values in rows]
        above = [
            ops.concatenate([old[:, 1:], new], axis=1)
            for old, new in zip(above, drawn, strict=True)
        ]
        here = ops.reshape(ops.equal(ops.arange(height, dtype="int32"), step), (-1, 1, 1))
        value = ops.reshape(ops.where(here, drawn[0], image), (-1, *self.context.event_shape))
        return (value, conditioning, *above)

    def _normalized(self, index: int, base: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
        """A convolution's constant part and kernel with the normalisation after it folded in."""
        if not self.batch_norm:
            return base, kernel
        scale, shift = self._scale_and_shift(index)
        return base * scale + shift, kernel * scale

    def _scale_and_shift(self, index: int) -> tuple[Tensor, Tensor]:
        """Factor and offset (filters,) of a normalisation outside training."""
        norm = self.normalizations[index]
        scale = norm.gamma * ops.rsqrt(norm.moving_variance + norm.epsilon)
        shift = norm.beta - norm.moving_mean * scale
        return ops.cast(scale, self.compute_dtype), ops.cast(shift, self.compute_dtype)

    def reconstruction_error(self, value: Tensor, parameters: PixelCNNParameters) -> Tensor:
        """-log p(x | z) in nats, shape (n,)."""
        return -self.log_prob(value, parameters)

    def log_prob_and_error(
        self, value: Tensor, parameters: PixelCNNParameters
    ) -> tuple[Tensor, Tensor]:
        """Both from one pass."""
        log_prob = self.log_prob(value, parameters)
        return log_prob, -log_prob

    def check_values(self, values: Array) -> None:
        """Refuse values outside [0, 1], and with two levels anything but 0 and 1.

        Raises:
            DataError: if there is such a value.
        """
        super().check_values(values)
        if self.levels == 2:
            check_binary(
                values,
                "PixelCNN",
                'give greys their levels: likelihood={"name": "pixelcnn", "levels": 256}.',
            )

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "levels": self.levels,
            "num_layers": self.num_layers,
            "num_filters": self.num_filters,
            "kernel_size": self.kernel_size,
            "batch_norm": self.batch_norm,
            "num_conditioning_channels": self.num_conditioning_channels,
            "grey_distribution": self.grey_distribution,
        }


def _contracted(pixels: Tensor, kernel: Tensor) -> Tensor:
    """The sum over pixels (n, 1, k, channels) with weights (k, channels, filters).

    Returns:
        Shape (n, 1, 1, filters).
    """
    return ops.expand_dims(ops.tensordot(pixels, kernel, axes=[[2, 3], [0, 1]]), 2)
