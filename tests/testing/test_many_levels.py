"""Counts that take more values than can be compared one by one."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from hiervae.errors import DataError
from hiervae.likelihoods import Likelihood
from hiervae.math import draw_poisson, log_gamma
from hiervae.testing import ConformanceError, check_likelihood


class LargeCounts(Likelihood):
    """Poisson counts of some thousands."""

    value_range = (0.0, None)

    def build(self, input_shape):
        shape = self.context.event_shape
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        self.head = keras.layers.Dense(math.prod(shape), dtype=self.dtype_policy)
        self.head.build((None, math.prod(input_shape[1:])))
        self.reshape = keras.layers.Reshape(shape)

    def call(self, features, training=False):
        hidden = ops.cast(self.reshape(self.head(self.flatten(features))), "float32")
        return 8.0 + ops.tanh(hidden)

    def log_prob(self, value, parameters):
        is_count = ops.logical_and(value >= 0.0, ops.equal(value, ops.floor(value)))
        known = ops.where(is_count, value, 0.0)
        log_prob = known * parameters - ops.exp(parameters) - log_gamma(known + 1.0)
        axes = tuple(range(1, len(value.shape)))
        return ops.sum(ops.where(is_count, log_prob, -math.inf), axis=axes)

    def mean(self, parameters):
        return ops.exp(parameters)

    def sample(self, parameters, seed=None):
        return draw_poisson(ops.exp(parameters), seed)

    def reconstruction_error(self, value, parameters):
        return -self.log_prob(value, parameters)

    def check_values(self, values):
        super().check_values(values)
        if (values != np.floor(values)).any():
            raise DataError("The data holds fractions; LargeCounts expects whole numbers.")


class DrawsOthers(LargeCounts):
    def sample(self, parameters, seed=None):
        return draw_poisson(ops.exp(parameters + 0.05), seed)

    def mean(self, parameters):
        return ops.exp(parameters + 0.05)


class IsNotNormalised(LargeCounts):
    def log_prob(self, value, parameters):
        return super().log_prob(value, parameters) - 0.5


@pytest.mark.compiles(0)
def test_counts_of_many_values_keep_the_contract():
    check_likelihood(LargeCounts)


@pytest.mark.compiles(0)
@pytest.mark.parametrize(
    ("part", "check"), [(DrawsOthers, "sampling"), (IsNotNormalised, "normalisation")]
)
def test_what_is_wrong_among_many_values_is_caught(part, check):
    with pytest.raises(ConformanceError, match=f"failed the check '{check}'"):
        check_likelihood(part)
