"""The learning rates of the importance-weighted autoencoder."""

from __future__ import annotations

import keras

from hiervae.types import Config, Tensor
from hiervae.utils.validation import check_positive_int, check_positive_number

NUM_STAGES = 8


@keras.saving.register_keras_serializable(package="hiervae")
class StagedDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A rate of r 10^(-i / 7) for 3^i epochs, i = 0 ... 7 (Burda et al. 2016, section 5).

    The eight stages take 3,280 epochs; after them the last rate stays.

    Args:
        initial_learning_rate: r.
        steps_per_epoch: optimiser steps in one pass over the training examples; 2,500 is 50,000
            examples in batches of 20. `hiervae train` sets it to what the data gives.

    Raises:
        ValueError: if a number is not positive.
    """

    def __init__(self, initial_learning_rate: float = 1e-3, steps_per_epoch: int = 2500) -> None:
        self.initial_learning_rate = check_positive_number(
            "initial_learning_rate", initial_learning_rate
        )
        self.steps_per_epoch = check_positive_int("steps_per_epoch", steps_per_epoch)
        rates = [
            self.initial_learning_rate * 10.0 ** (-stage / (NUM_STAGES - 1))
            for stage in range(NUM_STAGES)
        ]
        ends = [(3 ** (stage + 1) - 1) // 2 for stage in range(NUM_STAGES - 1)]
        # Keras takes a boundary as the last step of a stage, and counts steps from 0.
        self._rates = keras.optimizers.schedules.PiecewiseConstantDecay(
            [end * self.steps_per_epoch - 1 for end in ends], rates
        )

    def __call__(self, step: Tensor) -> Tensor:
        """The learning rate at a step, counted from 0."""
        return self._rates(step)

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "steps_per_epoch": self.steps_per_epoch,
        }
