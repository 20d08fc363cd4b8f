"""The arrays that make up a latent graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiervae.manifold.neighbors import nearest_neighbors, undirected_edges
from hiervae.utils.validation import check_positive_int


@dataclass(frozen=True, eq=False)
class GraphArrays:
    """Nodes and edges of a nearest-neighbour graph.

    Attributes:
        nodes: latent vectors, float64, shape (n, d).
        edges: node numbers, int64, shape (n_e, 2), the smaller first, each edge once.
        weights: Euclidean length of each edge, float64, shape (n_e,).
        num_neighbors: neighbours k each node was joined to.
    """

    nodes: NDArray[np.float64]
    edges: NDArray[np.int64]
    weights: NDArray[np.float64]
    num_neighbors: int

    @classmethod
    def from_nodes(cls, nodes: NDArray[np.float64], num_neighbors: int) -> GraphArrays:
        """Join every node by an edge to each of its k nearest others.

        Args:
            nodes: finite, shape (n, d).
            num_neighbors: k, in [1, n).

        Returns:
            The graph: no loops, and one edge where two nodes are neighbours of each other.

        Raises:
            ValueError: if k is no integer in [1, n).
        """
        k = check_positive_int("num_neighbors", num_neighbors)
        if k >= len(nodes):
            raise ValueError(
                f"num_neighbors is {k} for {len(nodes)} nodes; each node has {len(nodes) - 1} "
                "others. Lower num_neighbors or take more nodes."
            )
        edges = undirected_edges(nearest_neighbors(nodes, k))
        weights = np.linalg.norm(nodes[edges[:, 0]] - nodes[edges[:, 1]], axis=1)
        return cls(nodes, edges, weights, k)

    def is_consistent(self) -> bool:
        """Whether types, shapes and node numbers fit together."""
        nodes, edges, weights = self.nodes, self.edges, self.weights
        return bool(
            [array.dtype.str[1:] for array in (nodes, edges, weights)] == ["f8", "i8", "f8"]
            and nodes.ndim == 2
            and weights.ndim == 1
            and edges.shape == (len(weights), 2)
            and 1 <= self.num_neighbors < len(nodes)
            and np.isfinite(nodes).all()
            and np.isfinite(weights).all()
            and (weights >= 0).all()
            and (edges >= 0).all()
            and (edges < len(nodes)).all()
        )
