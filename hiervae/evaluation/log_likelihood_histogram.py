"""How log-likelihoods are spread over the examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hiervae.errors import DataError
from hiervae.evaluation.passes import FloatArray
from hiervae.utils.arrays import real_array
from hiervae.utils.validation import check_positive_int


@dataclass(frozen=True, eq=False)
class LogLikelihoodHistogram:
    """Log-likelihoods of several models counted in the same bins.

    Attributes:
        edges: of the bins in nats, rising, shape (bins + 1,).
        counts: number of examples in each bin, shape (bins,), by the model's name.
        means: over the examples, nats, by the model's name.
    """

    edges: FloatArray
    counts: dict[str, FloatArray]
    means: dict[str, float]


def log_likelihood_histogram(
    scores: Mapping[str, ArrayLike], num_bins: int = 50
) -> LogLikelihoodHistogram:
    """Count log-likelihoods in bins (Tomczak & Welling 2018, Figures 5 to 7).

    Args:
        scores: by the model's name, log p(x) of each example in nats, shape (n,), as
            `model.log_likelihood` or `model.elbo` gives them.
        num_bins: of equal width, from the lowest score of all models to the highest.

    Returns:
        The counts; those of a model add up to the number of its examples.

    Raises:
        DataError: if there are no scores by name, or some are no finite numbers.
        ValueError: if `num_bins` is not a positive integer.
    """
    check_positive_int("num_bins", num_bins)
    if not isinstance(scores, Mapping):
        raise DataError(
            f"scores is a {type(scores).__name__}; expected a dict of the scores by the model's "
            'name. Give {"model": scores}.'
        )
    values = {name: real_array(score, f"scores[{name!r}]") for name, score in scores.items()}
    for name, score in values.items():
        if score.ndim != 1 or not len(score) or not np.isfinite(score).all():
            raise DataError(
                f"The scores of {name!r} have shape {score.shape}, "
                f"{int(np.isfinite(score).sum())} of them finite; expected finite numbers of shape "
                "(n,), one for each example."
            )
    if not values:
        raise DataError("scores is empty; give the log-likelihoods of at least one model, by name.")
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), num_bins)
    counts = {name: np.histogram(score, edges)[0] for name, score in values.items()}
    means = {name: float(score.mean()) for name, score in values.items()}
    return LogLikelihoodHistogram(edges, counts, means)
