"""Which latent units carry information on the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.evaluation.passes import (
    FloatArray,
    as_examples,
    as_float64,
    sampled_passes,
)
from hiervae.inference.passes import Level
from hiervae.utils.validation import check_positive_int, check_positive_number

if TYPE_CHECKING:
    from hiervae.model import HierarchicalVAE


@dataclass(frozen=True, eq=False)
class ActiveUnits:
    """The activity of every latent unit, level by level from z_1 (nearest the data) to z_L.

    Attributes:
        variances: Var_x(E_q[u]) of each unit, one array of its shape per level.
        threshold: a unit with a variance above it is active.
    """

    variances: tuple[FloatArray, ...]
    threshold: float

    @property
    def active(self) -> tuple[NDArray[np.bool_], ...]:
        """Whether each unit is active, one array of its shape per level."""
        return tuple(variance > self.threshold for variance in self.variances)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of active units of each level."""
        return tuple(int(level.sum()) for level in self.active)


def active_units(
    model: HierarchicalVAE,
    x: ArrayLike,
    threshold: float = 0.01,
    num_samples: int = 10,
    seed: int = 0,
) -> ActiveUnits:
    """Find the active units of each level (Burda et al. 2016): Var_x(E_{q(u|x)}[u]) > threshold.

    The posterior mean of a level that depends on the sampled levels below or above it is averaged
    over `num_samples` draws of those, and the variance that remains of the draws is subtracted,
    so that noise does not make a unit look active. So are draws of a level whose posterior is not a
    diagonal normal. Where the means depend on x alone nothing is
    drawn and the result is exact.

    Args:
        model: a built model.
        x: examples, shape (n, *event_shape), n >= 2.
        threshold: smallest variance of an active unit.
        num_samples: posterior samples for each example, at least 2.
        seed: of the draws.

    Returns:
        The variance of each unit, and whether it is active.

    Raises:
        ValueError: if `num_samples` is below 2 or `threshold` is not positive.
        DataError: if there are fewer than two examples, or they do not fit the model.
        NonFiniteLossError: if a posterior is NaN or infinite.
    """
    limit = check_positive_number("threshold", threshold)
    if check_positive_int("num_samples", num_samples) < 2:
        raise ValueError("num_samples=1: expected at least 2, to tell draws from examples.")
    examples = model.examples("x", as_examples(x, at_least=2), require_support=False)
    means: list[FloatArray] = []
    squares: list[FloatArray] = []
    count = 0
    for batches in sampled_passes(model, examples, num_samples, seed):
        outcomes = [[_mean(level) for level in outcome.levels] for _, outcome in batches]
        drawn = [as_float64(np.concatenate(level)) for level in zip(*outcomes, strict=True)]
        means = means or [np.zeros_like(level) for level in drawn]
        squares = squares or [np.zeros_like(level) for level in drawn]
        count += 1
        for mean, square, level in zip(means, squares, drawn, strict=True):
            change = level - mean
            mean += change / count
            square += change * (level - mean)
        if count == 2 and not any(square.any() for square in squares):
            break
    variances = tuple(
        np.maximum(mean.var(axis=0, ddof=1) - square.mean(axis=0) / (count * (count - 1)), 0.0)
        for mean, square in zip(means, squares, strict=True)
    )
    return ActiveUnits(variances, limit)


def _mean(level: Level) -> Any:
    """The posterior mean of a level, or a draw where the mean is not known."""
    return level.posterior.mean if level.log_density is None else level.latent
