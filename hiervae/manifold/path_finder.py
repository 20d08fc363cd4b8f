"""Shortest paths through a nearest-neighbour graph between points outside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from hiervae.errors import NoPathError
from hiervae.manifold.graph_arrays import GraphArrays
from hiervae.manifold.neighbors import nearest_points
from hiervae.manifold.path import Path

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# A search gives up where a path is so much longer than the straight line, relative to it, and is
# then repeated: few nodes are visited if the path is nearly straight.
_DETOURS = (0.1, 0.5, np.inf)
# In a smaller graph all nodes are visited in less time than a repetition takes.
_SMALL = 20_000


class PathFinder:
    """A* over a graph that two end points join for one search.

    A* with the straight line to the end as heuristic h is Dijkstra's search over the edge weights
    w(u, v) + h(v) - h(u), which the triangle inequality keeps from being negative.

    Args:
        arrays: the graph; it is never altered.
    """

    def __init__(self, arrays: GraphArrays) -> None:
        self._nodes = arrays.nodes
        self._walkable = np.flatnonzero(arrays.walkable)
        self._entries = arrays.nodes if arrays.walkable.all() else arrays.nodes[arrays.walkable]
        self._num_neighbors = arrays.num_neighbors
        count = len(arrays.nodes)
        small = arrays.edges.astype(np.int32 if count < 2**31 - 1 else np.int64)
        first, second = small[:, 0], small[:, 1]
        self._graph = csr_array(
            (
                np.concatenate([arrays.weights, arrays.weights]),
                (np.concatenate([first, second]), np.concatenate([second, first])),
            ),
            shape=(count, count),
        )

    def find(self, start: FloatArray, end: FloatArray) -> Path:
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
        (path,) = self.find_many(np.stack([start, end])[None])
        if path is None:
            raise NoPathError(self._reason(start, end))
        return path

    def find_many(self, pairs: FloatArray) -> list[Path | None]:
        """Find the shortest path between the two latent vectors of each pair, as `find` does.

        Args:
            pairs: starts and ends, shape (m, 2, d).

        Returns:
            The paths, not decoded; None where the graph does not connect the two.
        """
        if not len(pairs):
            return []
        nearest, distances = self._entry(pairs.reshape(-1, pairs.shape[-1]))
        nearest = nearest.reshape(len(pairs), 2, -1)
        distances = distances.reshape(len(pairs), 2, -1)
        return [self._shortest(*each) for each in zip(pairs, nearest, distances, strict=True)]

    def _entry(self, points: FloatArray) -> tuple[IntArray, FloatArray]:
        """The k nearest nodes that may be walked and their distances, nearest first, (m, k)."""
        rows, distances = nearest_points(points, self._entries, self._num_neighbors)
        return self._walkable[rows], distances

    def _shortest(self, ends: FloatArray, nearest: IntArray, distances: FloatArray) -> Path | None:
        """The path between two ends, whose nearest nodes and distances have shape (2, k)."""
        count = len(self._nodes)
        gap = float(np.linalg.norm(ends[0] - ends[1]))
        if gap <= distances[:, -1].max():
            return _path(ends, np.array([count, count + 1]))  # nothing is shorter
        graph = self._towards(ends[1], gap, nearest[0], distances[0])
        for detour in _DETOURS if count > _SMALL else _DETOURS[-1:]:
            # The last edge, to the end itself, has a weight of w - h = 0.
            lengths, before = dijkstra(
                graph, indices=count, limit=detour * gap, return_predecessors=True
            )
            last = nearest[1][lengths[nearest[1]].argmin()]
            if np.isfinite(lengths[last]):
                break
        else:
            return None
        way = [count + 1]
        while last != count:
            way.append(int(last))
            last = before[last]
        ids = np.array([*way, count])[::-1]
        inner = self._nodes[ids[1:-1]]
        return _path(np.concatenate([ends[:1], inner, ends[1:]]), ids)

    def _towards(
        self, end: FloatArray, gap: float, entries: IntArray, distances: FloatArray
    ) -> csr_array:
        """The graph and, as its last node, the start; weights are those of A* to the end."""
        graph, count = self._graph, len(self._nodes)
        to_end = np.linalg.norm(self._nodes - end, axis=1)
        weights = np.empty(len(graph.data) + len(entries))
        among, first = weights[: len(graph.data)], weights[len(graph.data) :]
        np.add(graph.data, to_end[graph.indices], out=among)
        among -= np.repeat(to_end, np.diff(graph.indptr))
        np.add(distances, to_end[entries] - gap, out=first)
        np.maximum(weights, 0.0, out=weights)  # but for rounding they are
        return csr_array(
            (
                weights,
                np.append(graph.indices, entries.astype(graph.indices.dtype)),
                np.append(graph.indptr, graph.indptr[-1] + len(entries)),
            ),
            shape=(count + 1, count + 1),
        )

    def _reason(self, start: FloatArray, end: FloatArray) -> str:
        """Why there is no path between two points."""
        component = connected_components(self._graph, directed=False)[1]
        sizes = np.bincount(component[self._walkable], minlength=component.max() + 1)
        nearest, _ = self._entry(np.stack([start, end]))
        at_start, at_end = sizes[component[nearest[:, 0]]]
        parts = np.sort(sizes[sizes > 0])[::-1]
        largest = ", ".join(str(size) for size in parts[:5])
        return (
            f"No path: the start lies by a part of {at_start} nodes, the end by another of "
            f"{at_end}. The graph of {len(self._walkable)} nodes with {self._num_neighbors} "
            f"neighbours falls into {len(parts)} parts (largest: {largest}). Raise num_neighbors, "
            "or num_nodes if the space between is thinly sampled."
        )


def _path(places: FloatArray, ids: IntArray) -> Path:
    """The path over these places, without nodes in that of the one before or of the end."""
    moved = (places[1:] != places[:-1]).any(axis=1)
    keep = np.ones(len(ids), dtype=bool)
    keep[1:-1] = moved[:-1] & (places[1:-1] != places[-1]).any(axis=1)
    latents = places[keep]
    length = np.linalg.norm(np.diff(latents, axis=0), axis=1).sum()
    return Path(latents, ids[keep], float(length))
