"""The mixture of discretised logistics."""

from __future__ import annotations

import math
from typing import Any, ClassVar, TypeAlias

import numpy as np
from hiervae import random
from hiervae.likelihoods import Likelihood
from hiervae.options import check_increasing, check_positive_int
from hiervae.types import Config, Shape, Tensor
from keras import ops

from hiervae_logistics.head import Head
from hiervae_logistics.levels import (
    draw_at,
    log_prob_of_place,
    mean_place,
    nearest_place,
    place_of,
)

MOST_CHANNELS = 4

Parameters: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]
"""Log-weights (n, *pixels, K), locations and log-scales (n, *pixels, C, K), coefficients
(n, *pixels, C (C - 1) / 2, K)."""


class LogisticMixture(Likelihood):
    """A mixture of discretised logistics for each pixel of an image (Salimans et al. 2017).

    The K components of a pixel are shared by its channels; in each, the location of a channel is
    linear in the channels before it (their Eqs. 2 and 3). Values in [0, 1] have `num_levels`
    levels, 8-bit data divided by 255 a level each, and draws are k / 255. The last axis of an
    example of three axes has the channels; in other shapes each value is a pixel of its own. The
    reconstruction error is -log p(x | z).

    `mean` is that of the logistic variables, clipped but not rounded to levels, at the means of the
    channels before: half a level from the mean with one channel, near to it with several.

    Args:
        num_components: K.
        num_levels: number of levels.
        log_scale_bounds: bounds of the log-scales, of values in [-1, 1].
        **kwargs: `name`, `dtype` and `trainable` of a Keras layer.

    Raises:
        ValueError: if an option is wrong; at build, if there are more than four channels.
    """

    value_range: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    mean_is_exact: ClassVar[bool] = False

    def __init__(
        self,
        num_components: int = 10,
        num_levels: int = 256,
        log_scale_bounds: tuple[float, float] = (-7.0, 2.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_components = check_positive_int("num_components", num_components)
        self.num_levels = check_positive_int("num_levels", num_levels)
        if num_levels < 2:
            raise ValueError(f"num_levels={num_levels!r}: expected at least 2, such as 256.")
        self.log_scale_bounds = check_increasing("log_scale_bounds", log_scale_bounds)

    def build(self, input_shape: Any) -> None:
        """Create the weights for features of shape (n, ...).

        Raises:
            ValueError: if an image has more than four channels.
        """
        event_shape = self.context.event_shape
        has_channels = len(event_shape) == 3
        self.pixels: Shape = event_shape[:-1] if has_channels else event_shape
        self.channels = event_shape[-1] if has_channels else 1
        if self.channels > MOST_CHANNELS:
            raise ValueError(
                f"LogisticMixture was given images of shape {event_shape}; expected at most "
                f"{MOST_CHANNELS} channels on the last axis, such as (32, 32, 3)."
            )
        self.pairs = [
            (later, earlier) for later in range(self.channels) for earlier in range(later)
        ]
        self.rows = 1 + 2 * self.channels + len(self.pairs)
        self.head = Head(self.pixels, self._bias(), name="parameters", dtype=self.dtype_policy)
        self.head.build(input_shape)

    def _bias(self) -> np.ndarray[Any, Any]:
        """Parameters of a pixel at which the components share [-1, 1] between them."""
        number = self.num_components
        centers = (2.0 * np.arange(number) + 1.0) / number - 1.0
        scale = np.clip(-math.log(2.0 * number), *self.log_scale_bounds)
        rows = np.zeros((self.rows, number))
        rows[1 : 1 + self.channels] = centers
        rows[1 + self.channels : 1 + 2 * self.channels] = scale
        return rows.reshape(-1)

    def call(self, features: Tensor, training: bool = False) -> Parameters:
        """See `Parameters`."""
        outputs = self.head(features)
        outputs = ops.reshape(outputs, (-1, *self.pixels, self.rows, self.num_components))
        first, second = 1 + self.channels, 1 + 2 * self.channels
        return (
            ops.log_softmax(outputs[..., 0, :], axis=-1),
            outputs[..., 1:first, :],
            ops.clip(outputs[..., first:second, :], *self.log_scale_bounds),
            ops.tanh(outputs[..., second:, :]),
        )

    def _location(
        self, channel: int, parameters: Parameters, places: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Location and log-scale (n, *pixels, K) of a channel, given those before it.

        Args:
            channel: its number c.
            parameters: see `Parameters`.
            places: of channels 0 ... c - 1, each (n, *pixels, 1) or (n, *pixels, K).
        """
        _, locations, log_scales, coefficients = parameters
        location = locations[..., channel, :]
        for pair, (later, earlier) in enumerate(self.pairs):
            if later == channel:
                location = location + coefficients[..., pair, :] * places[earlier]
        return location, log_scales[..., channel, :]

    def _split(self, values: Tensor) -> list[Tensor]:
        """The channels of values (n, *event_shape), each (n, *pixels, 1)."""
        values = ops.reshape(values, (-1, *self.pixels, self.channels))
        return [values[..., channel : channel + 1] for channel in range(self.channels)]

    def log_prob(self, value: Tensor, parameters: Parameters) -> Tensor:
        """Log-probability in nats, shape (n,); minus infinity outside [0, 1]."""
        places = self._split(place_of(value, self.num_levels))
        joint = parameters[0]
        for channel, place in enumerate(places):
            location, log_scale = self._location(channel, parameters, places)
            joint = joint + log_prob_of_place(place, location, log_scale, self.num_levels)
        log_prob = ops.logsumexp(joint, axis=-1)
        total = ops.sum(log_prob, axis=tuple(range(1, len(log_prob.shape))))
        inside = ops.logical_and(value >= 0.0, value <= 1.0)
        all_inside = ops.all(inside, axis=tuple(range(1, len(value.shape))))
        return ops.where(all_inside, total, -math.inf)

    def mean(self, parameters: Parameters) -> Tensor:
        """Means in [0, 1], shape (n, *event_shape); see the class."""
        weights = ops.exp(parameters[0])
        places: list[Tensor] = []
        for channel in range(self.channels):
            places.append(mean_place(*self._location(channel, parameters, places)))
        means = [ops.sum(weights * place, axis=-1, keepdims=True) for place in places]
        return self._values(means)

    def sample(self, parameters: Parameters, seed: Any = None) -> Tensor:
        """Draws k / (num_levels - 1), shape (n, *event_shape).

        Of each pixel a component is drawn, then its channels one after the other.
        """
        below = ops.cumsum(ops.exp(parameters[0]), axis=-1)[..., :-1]
        shape = tuple(ops.shape(parameters[0])[:-1])
        uniform = random.uniform((*shape, 1 + self.channels), seed)
        index = ops.sum(ops.cast(uniform[..., :1] >= below, "int32"), axis=-1, keepdims=True)
        numbers = ops.arange(parameters[0].shape[-1], dtype="int32")
        chosen = ops.cast(ops.equal(index, numbers), "float32")
        places: list[Tensor] = []
        for channel in range(self.channels):
            location, log_scale = (
                ops.sum(chosen * values, axis=-1, keepdims=True)
                for values in self._location(channel, parameters, places)
            )
            noise = uniform[..., 1 + channel : 2 + channel]
            places.append(nearest_place(draw_at(noise, location, log_scale), self.num_levels))
        return self._values(places)

    def _values(self, places: list[Tensor]) -> Tensor:
        """Values in [0, 1], shape (n, *event_shape), of places (n, *pixels, 1) of each channel."""
        joined = ops.concatenate(places, axis=-1) if len(places) > 1 else places[0]
        return ops.reshape(0.5 * (joined + 1.0), (-1, *self.context.event_shape))

    def reconstruction_error(self, value: Tensor, parameters: Parameters) -> Tensor:
        """-log p(x | z) in nats, shape (n,)."""
        return -self.log_prob(value, parameters)

    def log_prob_and_error(self, value: Tensor, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """Both from one evaluation."""
        log_prob = self.log_prob(value, parameters)
        return log_prob, -log_prob

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "num_levels": self.num_levels,
            "log_scale_bounds": self.log_scale_bounds,
        }
