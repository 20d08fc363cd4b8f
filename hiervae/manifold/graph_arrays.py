"""The arrays that make up a latent graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiervae.manifold.neighbors import nearest_neighbors, undirected_edges
from hiervae.manifold.pruning import walkable_nodes
from hiervae.utils.validation import check_number_between, check_positive_int


@dataclass(frozen=True, eq=False)
class GraphArrays:
    """Nodes and edges of a nearest-neighbour graph.

    Attributes:
        nodes: latent vectors, float64, shape (n, d).
        edges: node numbers, int64, shape (n_e, 2), the smaller first, each edge once.
        weights: Euclidean length of each edge, float64, shape (n_e,).
        num_neighbors: neighbours k each node was joined to.
        walkable: whether a path may visit each node, bool, shape (n,). A node that was pruned has
            no edges.
        prune_fraction: largest share of the nodes that was to be pruned.
        density_floor: the log-density that all but 1 % of the prior's samples exceed, in nats;
            None where there is no prior.
    """

    nodes: NDArray[np.float64]
    edges: NDArray[np.int64]
    weights: NDArray[np.float64]
    num_neighbors: int
    walkable: NDArray[np.bool_]
    prune_fraction: float = 0.0
    density_floor: float | None = None

    @classmethod
    def from_nodes(
        cls, nodes: NDArray[np.float64], num_neighbors: int, prune_fraction: float = 0.0
    ) -> GraphArrays:
        """Join every node by an edge to each of its k nearest others.

        Then the nodes with the largest distance to their k-th neighbour are pruned: they stay
        among the nodes, but lose their edges. A node without which others would no longer be
        connected is not pruned, and at least k + 1 are kept.

        Args:
            nodes: finite, shape (n, d).
            num_neighbors: k, in [1, n).
            prune_fraction: largest share of the nodes to prune, in [0, 1).

        Returns:
            The graph: no loops, and one edge where two nodes are neighbours of each other.

        Raises:
            ValueError: if k is no integer in [1, n), or the share is not in [0, 1).
        """
        k = check_positive_int("num_neighbors", num_neighbors)
        fraction = check_prune_fraction(prune_fraction)
        if k >= len(nodes):
            raise ValueError(
                f"num_neighbors is {k} for {len(nodes)} nodes; each node has {len(nodes) - 1} "
                "others. Lower num_neighbors or take more nodes."
            )
        neighbors = nearest_neighbors(nodes, k)
        edges = undirected_edges(neighbors)
        walkable = np.ones(len(nodes), dtype=bool)
        count = min(int(fraction * len(nodes)), len(nodes) - k - 1)
        if count:
            reach = np.linalg.norm(nodes - nodes[neighbors[:, -1]], axis=1)
            walkable = walkable_nodes(reach, edges, count)
            edges = edges[walkable[edges].all(axis=1)]
        weights = np.linalg.norm(nodes[edges[:, 0]] - nodes[edges[:, 1]], axis=1)
        return cls(nodes, edges, weights, k, walkable, fraction)

    def is_consistent(self) -> bool:
        """Whether types, shapes and node numbers fit together."""
        nodes, edges, weights = self.nodes, self.edges, self.weights
        return bool(
            [array.dtype.str[1:] for array in (nodes, edges, weights)] == ["f8", "i8", "f8"]
            and nodes.ndim == 2
            and weights.ndim == 1
            and edges.shape == (len(weights), 2)
            and self.walkable.dtype == np.bool_
            and self.walkable.shape == (len(nodes),)
            and 1 <= self.num_neighbors < self.walkable.sum()
            and 0.0 <= self.prune_fraction < 1.0
            and (self.density_floor is None or np.isfinite(self.density_floor))
            and np.isfinite(nodes).all()
            and np.isfinite(weights).all()
            and (weights >= 0).all()
            and (edges >= 0).all()
            and (edges < len(nodes)).all()
            and self.walkable[edges].all()
        )


def check_prune_fraction(value: float) -> float:
    """Return the share of nodes to prune if it is a number in [0, 1).

    Raises:
        ValueError: if it is not.
    """
    fraction = check_number_between("prune_fraction", value, 0.0, 1.0)
    if fraction == 1.0:
        raise ValueError(
            "prune_fraction=1.0 would leave no node; expected a number from 0, which prunes "
            "nothing, to below 1."
        )
    return fraction
