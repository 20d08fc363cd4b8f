"""The directions in which the latents of each level vary most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hiervae.evaluation.normals import as_vectors
from hiervae.evaluation.passes import FloatArray, as_examples, as_float64
from hiervae.utils.validation import check_positive_int

if TYPE_CHECKING:
    from hiervae.model import HierarchicalVAE


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """The principal components of one level's posterior means.

    Attributes:
        scores: of each example, shape (n, k): its mean, centred, along the k directions.
        components: the directions, orthonormal rows, shape (k, d). The largest entry of each is
            positive, so that they do not depend on how they were computed.
        center: mean over the examples, shape (d,).
        explained: share of the total variance along each direction, shape (k,), falling; 0 where
            the level does not vary at all.
    """

    scores: FloatArray
    components: FloatArray
    center: FloatArray
    explained: FloatArray


def latent_pca(
    model: HierarchicalVAE, x: ArrayLike, num_components: int = 2
) -> tuple[PrincipalComponents, ...]:
    """Find the principal components of each level (Sønderby et al. 2016, Figure 6).

    Args:
        model: a built model.
        x: examples, shape (n, *event_shape), n >= 2.
        num_components: directions per level; a level of fewer units, or fewer examples, has fewer.

    Returns:
        One record per level, from z_1 (nearest the data) to z_L. The latents are the posterior
        means that `model.encode` gives.

    Raises:
        ValueError: if `num_components` is not a positive integer.
        DataError: if there are fewer than two examples, or they do not fit the model.
        NonFiniteLossError: if a posterior is NaN or infinite.
    """
    count = check_positive_int("num_components", num_components)
    levels = model.encode(as_examples(x, at_least=2))
    return tuple(_components(as_vectors(as_float64(level)), count) for level in levels)


def _components(latents: FloatArray, count: int) -> PrincipalComponents:
    center = latents.mean(axis=0)
    _, scales, directions = np.linalg.svd(latents - center, full_matrices=False)
    variances = np.square(scales)
    total = variances.sum()
    explained = variances / total if total > 0 else np.zeros_like(variances)
    largest = np.abs(directions).argmax(axis=1)
    signs = np.where(directions[np.arange(len(directions)), largest] < 0.0, -1.0, 1.0)
    components = (directions * signs[:, None])[:count]
    scores = (latents - center) @ components.T
    return PrincipalComponents(scores, components, center, explained[:count])
