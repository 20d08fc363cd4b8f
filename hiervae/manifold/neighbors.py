"""Exact nearest neighbours in Euclidean distance."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Above this many dimensions a k-d tree visits nearly every point, and brute force over matrix
# products is faster.
_MAX_TREE_DIMENSIONS = 10


def nearest_neighbors(points: FloatArray, num_neighbors: int) -> IntArray:
    """Find the nearest other points of every point.

    A k-d tree is used in low dimension; above that scikit-learn's brute force, if it is
    installed. Both are exact, so the choice changes the time and not the graph.

    Args:
        points: shape (n, d).
        num_neighbors: k, below n.

    Returns:
        Row numbers of the k nearest other points, nearest first, shape (n, k).
    """
    # One more than asked for: a point is its own neighbour, unless k + 1 duplicates hide it.
    candidates = _search(points, num_neighbors + 1)
    is_other = candidates != np.arange(len(points))[:, None]
    is_other[is_other.all(axis=1), -1] = False
    neighbors: IntArray = candidates[is_other].reshape(len(points), num_neighbors)
    return neighbors


def _search(points: FloatArray, count: int) -> IntArray:
    """Row numbers of the `count` nearest points, each point itself among them; (n, count)."""
    if points.shape[1] > _MAX_TREE_DIMENSIONS and find_spec("sklearn"):
        from sklearn.neighbors import NearestNeighbors

        # Brute force expands |a - b|^2, which loses digits far from the origin.
        centred = points - points.mean(axis=0)
        index = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(centred)
        found = index.kneighbors(centred, return_distance=False)
    else:
        _, found = cKDTree(points).query(points, k=count, workers=-1)
    return np.asarray(found, dtype=np.int64)


def nearest_points(
    query: FloatArray, points: FloatArray, num_neighbors: int
) -> tuple[IntArray, FloatArray]:
    """Find the points nearest to one query.

    Args:
        query: shape (d,).
        points: shape (n, d).
        num_neighbors: k, at most n.

    Returns:
        Row numbers of the k nearest points and their distances, nearest first, each (k,).
    """
    distances = np.linalg.norm(points - query, axis=1)
    nearest = np.argpartition(distances, num_neighbors - 1)[:num_neighbors]
    nearest = nearest[np.argsort(distances[nearest], kind="stable")]
    return nearest.astype(np.int64), distances[nearest]


def undirected_edges(neighbors: IntArray) -> IntArray:
    """Turn neighbour lists into undirected edges, each once.

    Args:
        neighbors: shape (n, k), as `nearest_neighbors` returns them.

    Returns:
        Edges, shape (n_e, 2): in every row the smaller node first, rows sorted.
    """
    num_nodes, num_neighbors = neighbors.shape
    sources = np.repeat(np.arange(num_nodes, dtype=np.int64), num_neighbors)
    targets = neighbors.ravel()
    keys = np.minimum(sources, targets) * num_nodes + np.maximum(sources, targets)
    return np.stack(np.divmod(np.unique(keys), num_nodes), axis=1)
