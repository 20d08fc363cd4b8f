"""Exact nearest neighbours in Euclidean distance."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from hiervae.manifold.neighbor_search import (
    FloatArray,
    IntArray,
    search_by_differences,
    search_by_products,
)

# Above this many dimensions a k-d tree visits so many points that matrix products are faster.
_MAX_TREE_DIMENSIONS = 8
# For fewer queries than these no tree pays.
_FEW_QUERIES = 8


def nearest_neighbors(points: FloatArray, num_neighbors: int) -> IntArray:
    """Find the nearest other points of every point.

    Args:
        points: shape (n, d).
        num_neighbors: k, below n.

    Returns:
        Row numbers of the k nearest other points, nearest first, shape (n, k). Of points equally
        far, any may be taken.
    """
    # One more than asked for: a point is its own neighbour, unless k + 1 duplicates hide it.
    candidates = _search(points, points, num_neighbors + 1)
    is_other = candidates != np.arange(len(points))[:, None]
    is_other[is_other.all(axis=1), -1] = False
    neighbors: IntArray = candidates[is_other].reshape(len(points), num_neighbors)
    return neighbors


def nearest_points(
    queries: FloatArray, points: FloatArray, num_neighbors: int
) -> tuple[IntArray, FloatArray]:
    """Find the points nearest to each query.

    Args:
        queries: shape (m, d).
        points: shape (n, d).
        num_neighbors: k, at most n.

    Returns:
        Row numbers of the k nearest points and their distances, nearest first, each (m, k).
    """
    nearest = _search(queries, points, num_neighbors)
    return nearest, np.linalg.norm(queries[:, None] - points[nearest], axis=2)


def _search(queries: FloatArray, points: FloatArray, count: int) -> IntArray:
    """Row numbers of the `count` nearest points of each query, (m, count), by the fastest way."""
    if len(queries) <= _FEW_QUERIES:
        return search_by_differences(queries, points, count)
    if points.shape[1] > _MAX_TREE_DIMENSIONS:
        return search_by_products(queries, points, count)
    _, found = cKDTree(points).query(queries, k=count, workers=-1)
    return np.asarray(found, dtype=np.int64).reshape(len(queries), count)


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
    keys.sort()  # far faster than `numpy.unique`, which hashes
    keys = keys[np.append(True, keys[1:] != keys[:-1])]
    return np.stack(np.divmod(keys, num_nodes), axis=1)
