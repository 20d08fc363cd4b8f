"""Exact nearest neighbours from approximate scores: products of blocks, checked afterwards."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from hiervae.utils.cores import num_cores

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]

# Of so many points after one another the largest score is kept, until the best are known.
_GROUP_SIZE = 32
# Queries of a block, and multiplications of one product: OpenBLAS then runs it in the thread that
# asked, and several blocks at a time are faster than one on several cores.
_BLOCK_ROWS = 512
_PRODUCT_SIZE = 2**19
# Groups whose scores are made before their maxima are taken; they fit a processor's cache.
_TILE_GROUPS = 64
# Values that a block may need in memory.
_BLOCK_VALUES = 2**25
# Candidates beyond those asked for: their distances separate the neighbours from the rest.
_MARGIN = 8


def search_by_products(queries: FloatArray, points: FloatArray, count: int) -> IntArray:
    """Find the nearest points of each query by matrix products.

    |q - p|^2 = |q|^2 - (2 q.p - |p|^2): the brackets of all points are one product, in single
    precision. A few more points than asked for are taken by it, and their distances computed from
    the differences in double precision. Where rounding could have hidden a nearer point, which
    follows from the worst case of the product's error, the query is searched again in double
    precision, and if that is not enough from all differences. So the result is that of brute force.

    Args:
        queries: shape (m, d).
        points: shape (n, d).
        count: k, at most n.

    Returns:
        Row numbers of the k nearest points, nearest first, shape (m, k). Of points equally far,
        any may be taken.
    """
    centre = points.mean(axis=0)  # digits are lost far from the origin
    queries, points = queries - centre, points - centre
    found = np.empty((len(queries), count), dtype=np.int64)
    left = np.arange(len(queries))
    for precision in (np.float32, np.float64):
        left = left[~_search(queries, points, count, left, precision, found)]
    if len(left):
        found[left] = search_by_differences(queries[left], points, count)
    return found


def search_by_differences(queries: FloatArray, points: FloatArray, count: int) -> IntArray:
    """Find the nearest points of each query from all differences; fastest for a few queries.

    Args and returns are those of `search_by_products`.
    """
    found = np.empty((len(queries), count), dtype=np.int64)
    for rows in _blocks(np.arange(len(queries)), len(points)):
        distances = cdist(queries[rows], points)
        nearest = np.argpartition(distances, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(distances, nearest, 1), axis=1, kind="stable")
        found[rows] = np.take_along_axis(nearest, order, 1)
    return found


def _search(
    queries: FloatArray,
    points: FloatArray,
    count: int,
    rows: IntArray,
    precision: type[np.floating],
    found: IntArray,
) -> NDArray[np.bool_]:
    """Search for some queries and write to `found`; returns which are certain, (len(rows),)."""
    if not len(rows):
        return np.zeros(0, dtype=bool)
    wanted = min(count + _MARGIN, len(points))
    candidates_of = _candidate_search(points, wanted, precision)
    largest = np.square(points).sum(axis=1).max()
    # (d + 1) products summed, and inputs and norms rounded: the usual worst-case bound.
    relative = (points.shape[1] + 8) * np.finfo(precision).eps / 2.0

    def search(part: IntArray) -> NDArray[np.bool_]:
        block = queries[part]
        candidates, lowest = candidates_of(block)
        squares = np.square(block[:, None] - points[candidates]).sum(axis=2)
        order = np.argsort(squares, axis=1, kind="stable")[:, :count]
        found[part] = np.take_along_axis(candidates, order, 1)
        own = np.square(block).sum(axis=1)
        with np.errstate(over="ignore"):
            error = relative * np.square(np.sqrt(own) + np.sqrt(largest))
        farthest = np.take_along_axis(squares, order[:, -1:], 1)[:, 0]
        # A score that is not finite compares as uncertain.
        return (farthest <= own - lowest - error) | (wanted == len(points))

    width = _GROUP_SIZE * (points.shape[1] + 1)
    blocks = _blocks(rows, wanted * width, max(64, _PRODUCT_SIZE // width))
    with ThreadPoolExecutor(num_cores()) as threads:
        return np.concatenate(list(threads.map(search, blocks)))


CandidateSearch: TypeAlias = Callable[[FloatArray], tuple[IntArray, FloatArray]]
"""From queries (m, d) to points (m, c) and to the score that no other point exceeds, (m,)."""


def _candidate_search(
    points: FloatArray, wanted: int, precision: type[np.floating]
) -> CandidateSearch:
    """The points of the largest scores 2 q.p - |p|^2."""
    size, dimension = points.shape
    groups = -(-size // _GROUP_SIZE)
    # Each point and its -|p|^2; what fills the last group is never among the largest.
    factors = np.zeros((groups * _GROUP_SIZE, dimension + 1), dtype=precision)
    with np.errstate(over="ignore"):
        factors[:size, :-1] = 2.0 * points
        factors[:size, -1] = -np.square(points).sum(axis=1)
    factors[size:, -1] = -np.inf
    grouped = factors.reshape(groups, _GROUP_SIZE, dimension + 1)

    def search(queries: FloatArray) -> tuple[IntArray, FloatArray]:
        joined = np.ones((len(queries), dimension + 1), dtype=precision)
        with np.errstate(over="ignore"):
            joined[:, :-1] = queries
        transposed = np.ascontiguousarray(joined.T)
        maxima = np.empty((groups, len(queries)), dtype=precision)
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, groups, _TILE_GROUPS):
                tile = slice(start, start + _TILE_GROUPS)
                np.matmul(grouped[tile], transposed).max(axis=1, out=maxima[tile])
        best = _largest(np.ascontiguousarray(maxima.T), min(wanted, groups))
        members = grouped[best].reshape(len(queries), -1, dimension + 1)
        with np.errstate(over="ignore", invalid="ignore"):
            inside = np.matmul(members, joined[:, :, None])[:, :, 0]
        chosen = _largest(inside, wanted)
        lowest = np.take_along_axis(inside, chosen, 1).min(axis=1)
        group, member = np.divmod(chosen, _GROUP_SIZE)
        candidates = np.take_along_axis(best, group, 1) * _GROUP_SIZE + member
        # Scores that overflowed name points that are none; they are searched again.
        return np.minimum(candidates, size - 1), lowest.astype(np.float64)

    return search


def _largest(values: NDArray[np.floating], count: int) -> IntArray:
    """Columns of the `count` largest values of each row, in any order."""
    if count == values.shape[1]:
        return np.broadcast_to(np.arange(count), values.shape)
    return np.argpartition(values, -count, axis=1)[:, -count:]


def _blocks(rows: IntArray, values_a_row: int, most: int = _BLOCK_ROWS) -> list[IntArray]:
    """The rows in blocks that need bounded memory."""
    size = max(1, min(_BLOCK_ROWS, most, _BLOCK_VALUES // values_a_row))
    return [rows[start : start + size] for start in range(0, len(rows), size)]
