"""The negative binomial likelihood, and the one with more zeros."""

from __future__ import annotations

import math
from typing import Any

import keras
from hiervae import random
from hiervae.options import check_choice, check_number_between
from hiervae.types import Config, Tensor
from keras import ops

from hiervae_counts.counts import LOG_DISPERSION_BOUNDS, Counts
from hiervae_counts.negative_binomial_law import draw_negative_binomial, log_negative_binomial

DISPERSIONS = ("learned", "predicted")
INITIAL_DISPERSION_BOUNDS = (1e-3, 8e3)
"""Inside those of a dispersion, beyond which it has no gradient."""

LOGIT_BOUNDS = (-12.0, 12.0)


class NegativeBinomial(Counts):
    """Independent counts of mean m and variance m + m^2 / r.

    The parameters are log m and log r, each (n, *event_shape).

    Args:
        dispersion: "learned" for one weight r per value; "predicted" for an output of the decoder.
        initial_dispersion: where a learned r starts, from 0.001 to 8000; it stays between exp(-7)
            and exp(9).
        **kwargs: those of `Counts`.

    Raises:
        ValueError: if an option is not as described.
    """

    def __init__(
        self, dispersion: str = "learned", initial_dispersion: float = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.dispersion = check_choice("dispersion", dispersion, DISPERSIONS)
        self.initial_dispersion = check_number_between(
            "initial_dispersion", initial_dispersion, *INITIAL_DISPERSION_BOUNDS
        )

    @property
    def num_outputs(self) -> int:
        """Outputs of the head for each value."""
        return 2 if self.dispersion == "predicted" else 1

    def build_counts(self, shape: tuple[int, ...]) -> None:
        """Create a learned log r."""
        if self.dispersion == "learned":
            self.log_dispersion = self.add_weight(
                shape=shape,
                initializer=keras.initializers.Constant(math.log(self.initial_dispersion)),
                dtype="float32",
                autocast=False,
                name="log_dispersion",
            )

    def dispersion_values(self) -> Tensor:
        """The learned r, of the shape of the counts of an example.

        Raises:
            ValueError: if the decoder predicts it.
        """
        if self.dispersion != "learned":
            raise ValueError(
                'The decoder predicts r for each example; expected dispersion="learned".'
            )
        raw = ops.convert_to_tensor(self.log_dispersion)
        return ops.exp(ops.clip(raw, *LOG_DISPERSION_BOUNDS))

    def bounded(self, log_mean: Tensor, others: list[Tensor]) -> tuple[Tensor, ...]:
        """Log r."""
        if self.dispersion == "predicted":
            log_dispersion = others[0]
        else:
            log_dispersion = ops.zeros_like(log_mean) + ops.convert_to_tensor(self.log_dispersion)
        return (ops.clip(log_dispersion, *LOG_DISPERSION_BOUNDS),)

    def log_prob_of_counts(self, counts: Tensor, log_mean: Tensor, *others: Tensor) -> Tensor:
        """Log-probability of each count."""
        return log_negative_binomial(counts, log_mean, others[0])

    def sample_counts(self, seed: Any, log_mean: Tensor, *others: Tensor) -> Tensor:
        """A draw of each count."""
        return draw_negative_binomial(log_mean, others[0], seed)

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "dispersion": self.dispersion,
            "initial_dispersion": self.initial_dispersion,
        }


class ZeroInflatedNegativeBinomial(NegativeBinomial):
    """A zero with probability pi, else a negative binomial count.

    The parameters are log m, log r and the logit of pi, each (n, *event_shape); the options are
    those of `NegativeBinomial`.
    """

    @property
    def num_outputs(self) -> int:
        """Outputs of the head for each value."""
        return super().num_outputs + 1

    def bounded(self, log_mean: Tensor, others: list[Tensor]) -> tuple[Tensor, ...]:
        """Log r, and the logit of pi."""
        *rest, logit = others
        return *super().bounded(log_mean, rest), ops.clip(logit, *LOGIT_BOUNDS)

    def log_prob_of_counts(self, counts: Tensor, log_mean: Tensor, *others: Tensor) -> Tensor:
        """Log-probability of each count."""
        log_dispersion, logit = others
        log_prob = log_negative_binomial(counts, log_mean, log_dispersion) - ops.softplus(logit)
        log_zero = -ops.softplus(-logit)
        return ops.where(counts < 0.5, ops.logaddexp(log_zero, log_prob), log_prob)

    def sample_counts(self, seed: Any, log_mean: Tensor, *others: Tensor) -> Tensor:
        """A draw of each count."""
        log_dispersion, logit = others
        is_zero = random.uniform(ops.shape(logit), seed) < ops.sigmoid(logit)
        return ops.where(is_zero, 0.0, draw_negative_binomial(log_mean, log_dispersion, seed))

    def mean_of_counts(self, log_mean: Tensor, *others: Tensor) -> Tensor:
        """(1 - pi) m."""
        return ops.exp(log_mean) * ops.sigmoid(-others[1])
