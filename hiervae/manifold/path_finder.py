"""Shortest paths through a nearest-neighbour graph between points outside it."""

from __future__ import annotations

import igraph
import numpy as np
from numpy.typing import NDArray

from hiervae.errors import NoPathError
from hiervae.manifold.graph_arrays import GraphArrays
from hiervae.manifold.neighbors import nearest_points
from hiervae.manifold.path import Path

# igraph corrupts memory when it finds a shorter way to a node it has already left, which the
# straight-line heuristic rules out in exact arithmetic but not after rounding (three nodes on a
# line suffice). So every edge is made longer by more than rounding can take away: by a few units
# in the last place of the longest possible path, far below what matters to the path found.
_RELATIVE_SLACK = 2.0**-48


class PathFinder:
    """A* over a graph that two end points join for one search.

    Args:
        arrays: the graph; it is never altered.
    """

    def __init__(self, arrays: GraphArrays) -> None:
        self._nodes = arrays.nodes
        self._walkable = np.flatnonzero(arrays.walkable)
        self._entries = arrays.nodes if arrays.walkable.all() else arrays.nodes[arrays.walkable]
        self._num_neighbors = arrays.num_neighbors
        self._graph = igraph.Graph(n=len(arrays.nodes), edges=arrays.edges)
        self._weights: list[float] = arrays.weights.tolist()
        self._component = np.asarray(self._graph.connected_components().membership)

    def find(self, start: NDArray[np.float64], end: NDArray[np.float64]) -> Path:
        """Find the shortest path between two latent vectors.

        Each end is joined to its own k nearest nodes that may be walked. The ends are joined to
        each other if one is as near to the other as to its own k-th neighbour: as among nodes, it
        is enough that one has the other in its list. Nodes in the very place of the one before
        them, or of the end, are left out of the path.

        Args:
            start: shape (d,).
            end: shape (d,).

        Returns:
            The path, not decoded.

        Raises:
            NoPathError: if the graph does not connect the two.
        """
        from_start, start_distances = self._entry(start)
        from_end, end_distances = self._entry(end)
        gap = float(np.linalg.norm(start - end))
        joined = gap <= max(start_distances[-1], end_distances[-1])
        if not joined:
            self._require_connection(from_start, from_end)

        a, b = len(self._nodes), len(self._nodes) + 1
        graph = self._graph.copy()
        graph.add_vertices(2)
        edges = [(a, int(node)) for node in from_start] + [(b, int(node)) for node in from_end]
        weights = [*self._weights, *start_distances.tolist(), *end_distances.tolist()]
        if joined:
            edges.append((a, b))
            weights.append(gap)
        graph.add_edges(edges)

        points = np.concatenate([self._nodes, start[None], end[None]])
        # The heuristic is called once for every node that A* visits: a list is read fastest.
        to_end = np.linalg.norm(points - end, axis=1).tolist()
        slack = _RELATIVE_SLACK * len(points) * max(weights)
        ids = graph.get_shortest_path_astar(
            a,
            b,
            lambda _graph, node, _target: to_end[node],
            weights=[weight + slack for weight in weights],
        )
        return _path(points, np.asarray(ids, dtype=np.int64))

    def _entry(self, point: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The k nearest nodes that may be walked and their distances, nearest first, each (k,)."""
        rows, distances = nearest_points(point, self._entries, self._num_neighbors)
        return self._walkable[rows], distances

    def _require_connection(
        self, from_start: NDArray[np.int64], from_end: NDArray[np.int64]
    ) -> None:
        """Raise NoPathError unless the two neighbourhoods share a connected component."""
        if np.intersect1d(self._component[from_start], self._component[from_end]).size:
            return
        sizes = np.bincount(self._component[self._walkable], minlength=self._component.max() + 1)
        start = sizes[self._component[from_start[0]]]
        end = sizes[self._component[from_end[0]]]
        parts = np.sort(sizes[sizes > 0])[::-1]
        largest = ", ".join(str(size) for size in parts[:5])
        raise NoPathError(
            f"No path: the start lies by a part of {start} nodes, the end by another of {end}. "
            f"The graph of {len(self._walkable)} nodes with {self._num_neighbors} neighbours falls "
            f"into {len(parts)} parts (largest: {largest}). Raise num_neighbors, or num_nodes "
            "if the space between is thinly sampled."
        )


def _path(points: NDArray[np.float64], ids: NDArray[np.int64]) -> Path:
    """The path over these points, without nodes in the very place of the one before or the end."""
    places = points[ids]
    moved = (places[1:] != places[:-1]).any(axis=1)
    keep = np.ones(len(ids), dtype=bool)
    keep[1:-1] = moved[:-1] & (places[1:-1] != places[-1]).any(axis=1)
    latents = places[keep]
    length = np.linalg.norm(np.diff(latents, axis=0), axis=1).sum()
    return Path(latents, ids[keep], float(length))
