"""The smoothness factor of a model over many graphs and pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError, NoPathError
from hiervae.manifold.latent_graph import PRUNE_FRACTION, LatentGraph
from hiervae.manifold.path import Path
from hiervae.manifold.smoothness import smoothness
from hiervae.utils.arrays import require_array
from hiervae.utils.validation import check_positive_int, check_seed

if TYPE_CHECKING:
    from hiervae.model import HierarchicalVAE


@dataclass(frozen=True, eq=False)
class SmoothnessProfile:
    """Smoothness factors over graphs and pairs; smaller is smoother.

    Attributes:
        mean: mean over the paths, shape event_shape, in output units.
        std: standard deviation over the paths, shape event_shape.
        num_paths: paths that entered.
        num_unreachable: pairs left out because their graph does not connect them.
        num_short: pairs left out because their path has fewer than three points.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    num_paths: int
    num_unreachable: int
    num_short: int


def smoothness_profile(
    model: HierarchicalVAE,
    x: ArrayLike,
    num_graphs: int = 10,
    num_pairs: int = 100,
    num_nodes: int = 1000,
    num_neighbors: int = 10,
    seed: int = 0,
    prune_fraction: float = PRUNE_FRACTION,
) -> SmoothnessProfile:
    """Measure how smoothly a model interpolates (Klushyn et al. 2019, section 4.2).

    On each of `num_graphs` graphs of new prior samples, `num_pairs` random pairs of different
    examples are interpolated. Compare models with equal `num_nodes` and `num_neighbors` alone;
    a model whose pairs are often unreachable is judged on the easier ones, so look at the
    counts too.

    Args:
        model: a built model.
        x: examples to draw the ends from, shape (n, *event_shape), n >= 2.
        num_graphs: graphs, each with prior samples of its own.
        num_pairs: pairs of ends on each graph.
        num_nodes: nodes of each graph.
        num_neighbors: neighbours each node is joined to.
        seed: of the pairs and the graphs.
        prune_fraction: share of each graph's nodes that no path visits, as in
            `LatentGraph.from_prior`; 0 is the paper's rule.

    Returns:
        Mean and standard deviation over all paths, and how many pairs were left out.

    Raises:
        ValueError: if a count is out of range.
        DataError: if `x` holds fewer than two examples.
        NoPathError: if not one pair gave a path of three points.
    """
    graphs = check_positive_int("num_graphs", num_graphs)
    pairs = check_positive_int("num_pairs", num_pairs)
    examples = require_array(x, "x")
    if examples.ndim == 0 or len(examples) < 2:
        raise DataError(f"x has shape {examples.shape}; give at least two examples to pair.")
    generator = np.random.default_rng(check_seed(seed))
    factors: list[NDArray[np.float64]] = []
    num_unreachable = num_short = 0
    for _ in range(graphs):
        graph_seed = int(generator.integers(2**31))
        graph = LatentGraph.from_prior(model, num_nodes, num_neighbors, graph_seed, prune_fraction)
        ends = np.stack([generator.choice(len(examples), 2, replace=False) for _ in range(pairs)])
        latents = model.governed_latent(model.encode(examples[ends.ravel()]))
        found = graph.shortest_paths(latents.reshape(pairs, 2, -1))
        reached = [path for path in found if path is not None]
        paths = [path for path in reached if len(path) >= 3]
        num_unreachable += pairs - len(reached)
        num_short += len(reached) - len(paths)
        factors += _factors(model, paths)
    if not factors:
        raise NoPathError(
            f"None of {graphs * pairs} pairs gave a path of three points: {num_unreachable} are "
            f"unreachable, {num_short} too short. Raise num_neighbors for unreachable pairs, "
            "num_nodes for short paths."
        )
    return SmoothnessProfile(
        mean=np.mean(factors, axis=0),
        std=np.std(factors, axis=0),
        num_paths=len(factors),
        num_unreachable=num_unreachable,
        num_short=num_short,
    )


def _factors(model: HierarchicalVAE, paths: list[Path]) -> list[NDArray[np.float64]]:
    """Smoothness of each path; all are decoded in one call."""
    if not paths:
        return []
    decoded = model.generate(np.concatenate([path.latents for path in paths]))
    ends_of_paths = np.cumsum([len(path) for path in paths])
    return [smoothness(part) for part in np.split(decoded, ends_of_paths[:-1])]
