"""Whether latent units stand for separate factors of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError
from hiervae.evaluation.passes import FloatArray
from hiervae.manifold.checks import finite_matrix
from hiervae.utils.arrays import array_of_values, labels_or_numbers
from hiervae.utils.validation import check_positive_int


@dataclass(frozen=True, eq=False)
class Disentanglement:
    """What latent units tell of known factors.

    Attributes:
        information: mutual information I(unit; factor) in nats, shape (units, factors).
        entropies: H(factor) in nats, shape (factors,).
        mig: mutual information gap (Chen et al. 2018), the mean of `gaps`; 1 where each factor is
            told by one unit alone.
        gaps: of each factor, what its best unit tells more than the second best one, as a share of
            its entropy, shape (factors,).
        modularity: of each unit, 1 less the entropy of its information over the factors as a share
            of log(factors); 1 where it tells of one factor alone. Shape (units,).
        compactness: of each factor, the same over the units; 1 where one unit tells all there is
            to know. Shape (factors,).
    """

    information: FloatArray
    entropies: FloatArray
    mig: float
    gaps: FloatArray
    modularity: FloatArray
    compactness: FloatArray

    @property
    def disentanglement(self) -> float:
        """Mean of `modularity`, units weighted by the information that they have."""
        return _weighted(self.modularity, self.information.sum(axis=1))

    @property
    def completeness(self) -> float:
        """Mean of `compactness`, factors weighted by the information that there is of them."""
        return _weighted(self.compactness, self.information.sum(axis=0))


def disentanglement(latents: ArrayLike, factors: ArrayLike, num_bins: int = 20) -> Disentanglement:
    """Measure how separate known factors are in a latent space.

    The mutual information gap is that of Chen et al. (2018). Disentanglement and completeness are
    the scores of Eastwood & Williams (2018) with the mutual information as the importance of a
    unit for a factor, so that no regression has to be chosen. All are of latents and factors in
    bins of equally many examples; with few examples the information is biased upwards, alike for
    all units, which lowers the scores.

    Args:
        latents: posterior means, shape (n, units), n >= 2.
        factors: what is known of the examples, shape (n, factors), or (n,) for one: classes, as
            integers or text, or numbers. Text is taken as it is, whatever number of classes there
            are; so are numbers of at most `num_bins` different values, and one that fills a bin.
        num_bins: bins of a unit, and of a factor of more values.

    Returns:
        The scores.

    Raises:
        DataError: if the arrays do not fit together, are not finite, or a factor is constant.
        ValueError: if `num_bins` is not an integer of at least 2.

    Example:
        >>> import numpy
        >>> factors = numpy.random.default_rng(0).integers(0, 4, (2000, 2))
        >>> round(disentanglement(factors[:, ::-1] + 0.0, factors).mig, 1)
        1.0
    """
    if check_positive_int("num_bins", num_bins) < 2:
        raise ValueError("num_bins=1: expected at least 2; with one bin nothing can be told.")
    units = finite_matrix(latents, "latents")
    truth = _columns(factors)
    if len(units) != len(truth[0]) or len(units) < 2:
        raise DataError(
            f"latents has {len(units)} rows and factors {len(truth[0])}; expected one row of each "
            "for every example, at least two."
        )
    binned_units = [_bins(column, num_bins) for column in units.T]
    binned_factors = [_bins(column, num_bins) for column in truth]
    entropies = np.array([_entropy(np.bincount(codes)) for codes in binned_factors])
    constant = np.flatnonzero(entropies <= 0.0)
    if constant.size:
        raise DataError(
            f"factors has one value alone in column {constant[0]}; leave the column out, of what "
            "does not vary nothing can be told."
        )
    information = np.array([[_information(u, f) for f in binned_factors] for u in binned_units])
    ranked = np.sort(information, axis=0)[::-1]
    second = ranked[1] if len(ranked) > 1 else np.zeros(len(entropies))
    gaps = (ranked[0] - second) / entropies
    return Disentanglement(
        information=information,
        entropies=entropies,
        mig=float(gaps.mean()),
        gaps=gaps,
        modularity=np.array([_concentration(row) for row in information]),
        compactness=np.array([_concentration(column) for column in information.T]),
    )


def _columns(factors: ArrayLike) -> list[NDArray[Any]]:
    """The factors, each of shape (n,), text or finite numbers.

    Raises:
        DataError: if they are something else.
    """
    array = array_of_values(factors, "factors")
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or 0 in array.shape:
        raise DataError(f"factors has shape {array.shape}; expected (n, factors), or (n,) for one.")
    columns = [
        labels_or_numbers(column, f"factors[:, {index}]") for index, column in enumerate(array.T)
    ]
    for index, column in enumerate(columns):
        if column.dtype.kind == "f" and not np.isfinite(column).all():
            raise DataError(
                f"factors[:, {index}] holds NaN or infinite values; leave those examples out."
            )
    return columns


def _bins(values: NDArray[Any], num_bins: int) -> NDArray[np.int64]:
    """Numbers of the bins; few different values are bins of their own, and so is text."""
    different, codes = np.unique(values, return_inverse=True)
    if len(different) <= num_bins or values.dtype.kind in "US":
        return np.asarray(codes, dtype=np.int64)
    quantiles = np.quantile(values, np.linspace(0.0, 1.0, num_bins + 1)[1:-1])
    edges, counts = np.unique(quantiles, return_counts=True)
    # Values that fill a bin are bins of their own, as is the lowest one where it reaches an edge.
    filled = edges[(counts > 1) | (edges == different[0])]
    return np.searchsorted(edges, values, side="right") + np.searchsorted(filled, values)


def _information(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Mutual information of two columns of codes, in nats."""
    joint = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(joint, (first, second), 1.0)
    marginals = _entropy(joint.sum(axis=1)) + _entropy(joint.sum(axis=0))
    return max(marginals - _entropy(joint.ravel()), 0.0)


def _entropy(counts: NDArray[np.number]) -> float:
    """Entropy of the distribution with these counts, in nats."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _concentration(weights: FloatArray) -> float:
    """1 less the entropy of weights as a share of the highest possible; 0 where all are 0."""
    if len(weights) == 1:
        return float(weights[0] > 0)
    return 1.0 - _entropy(weights) / float(np.log(len(weights))) if weights.sum() > 0 else 0.0


def _weighted(values: FloatArray, weights: FloatArray) -> float:
    return float(np.average(values, weights=weights)) if weights.sum() > 0 else 0.0
