"""The Poisson likelihood."""

from __future__ import annotations

from typing import Any

from hiervae.math import draw_poisson, log_poisson
from hiervae.types import Tensor
from keras import ops

from hiervae_counts.counts import Counts


class Poisson(Counts):
    """Independent Poisson distributions; the parameter is the log-rate, shape (n, *event_shape).

    Its options are those of `Counts`.
    """

    def log_prob_of_counts(self, counts: Tensor, log_mean: Tensor, *others: Tensor) -> Tensor:
        """Log-probability of each count."""
        return log_poisson(counts, log_mean)

    def sample_counts(self, seed: Any, log_mean: Tensor, *others: Tensor) -> Tensor:
        """A draw of each count."""
        return draw_poisson(ops.exp(log_mean), seed)
