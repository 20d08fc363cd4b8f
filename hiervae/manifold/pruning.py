"""Which nodes of a graph its paths do without."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree


def walkable_nodes(
    reach: NDArray[np.float64], edges: NDArray[np.int64], num_pruned: int
) -> NDArray[np.bool_]:
    """Return which nodes to keep: all but the loneliest that the others do not need.

    The `num_pruned` nodes of the largest reach are candidates. A minimum spanning forest over all
    nodes, in which an edge weighs the larger reach of its two ends, joins the others through
    candidates only where there is no other way, and then through the least lonely ones. Candidates
    on these ways are kept, so that what was connected stays connected.

    Args:
        reach: distance of each node to its k-th neighbour, shape (n,).
        edges: of the graph, shape (n_e, 2).
        num_pruned: number of candidates, below n.

    Returns:
        Shape (n,), True for the nodes that are kept.
    """
    count = len(reach)
    rank = np.empty(count, dtype=np.int64)
    rank[np.argsort(reach, kind="stable")] = np.arange(count)
    kept: NDArray[np.bool_] = rank < count - num_pruned
    # From 1: a weight of 0 is no edge. float64 holds every rank exactly.
    weights = 1.0 + rank[edges].max(axis=1)
    graph = coo_matrix((weights, edges.T), shape=(count, count)).tocsr()
    first, second = minimum_spanning_tree(graph).nonzero()
    needed = np.ones(count, dtype=bool)
    while True:
        in_forest = needed[first] & needed[second]
        first, second = first[in_forest], second[in_forest]
        degree = np.bincount(first, minlength=count) + np.bincount(second, minlength=count)
        dangling = needed & ~kept & (degree <= 1)
        if not dangling.any():
            return needed
        needed[dangling] = False
