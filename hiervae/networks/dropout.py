"""Dropout that leaves pseudo-inputs whole."""

from __future__ import annotations

import keras
from keras import ops

from hiervae import random
from hiervae.networks.data_rows import data_rows
from hiervae.types import Config, Tensor
from hiervae.utils.seeding import draw_seed


class Dropout(keras.layers.Layer):
    """Set features to 0 at random in training, and scale the others (Srivastava et al. 2014).

    Each feature of a row of data is kept with probability 1 - `rate`, and divided by it. A prior's
    pseudo-inputs behind the data (`hiervae.networks.data_rows`) are not dropped, so that the
    components of the prior are the same in training and in evaluation. Unlike in
    `keras.layers.Dropout` the noise is that of `hiervae.random`, which several replicas share.

    Args:
        rate: the probability of 0 for a feature, from 0 to 0.99.
    """

    def __init__(self, rate: float, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator(draw_seed())

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Drop features of inputs (n, ...) in training."""
        if not training:
            return inputs
        number = data_rows()
        data = inputs if number is None else inputs[:number]
        noise = random.uniform(ops.shape(data), self.seed_generator)
        factors = ops.cast(noise >= self.rate, inputs.dtype) / (1.0 - self.rate)
        dropped = data * factors
        return dropped if number is None else ops.concatenate([dropped, inputs[number:]], axis=0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {**super().get_config(), "rate": self.rate}
