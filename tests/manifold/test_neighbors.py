import sys

import numpy as np
import pytest

from hiervae.manifold.neighbors import nearest_neighbors, nearest_points, undirected_edges


def brute_force_distances(points, k):
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :k]


@pytest.mark.parametrize("d", [1, 2, 10, 11, 40])
@pytest.mark.parametrize("k", [1, 7, 59])
def test_neighbours_are_the_nearest_of_brute_force(d, k):
    points = np.random.default_rng(d).normal(size=(60, d)) + 3.0
    found = nearest_neighbors(points, k)
    assert found.shape == (60, k)
    assert not (found == np.arange(60)[:, None]).any()
    assert all(len(set(row)) == k for row in found)
    distances = np.linalg.norm(points[found] - points[:, None], axis=-1)
    np.testing.assert_allclose(distances, brute_force_distances(points, k), rtol=1e-12)


@pytest.mark.parametrize("module", ["scipy", "sklearn"])
def test_far_from_the_origin_neighbours_stay_exact(module, monkeypatch):
    if module == "sklearn":
        pytest.importorskip("sklearn")
    else:
        monkeypatch.setattr("hiervae.manifold.neighbors.find_spec", lambda name: None)
    points = np.random.default_rng(0).normal(size=(80, 12)) + 1e6
    distances = np.linalg.norm(points[nearest_neighbors(points, 5)] - points[:, None], axis=-1)
    np.testing.assert_allclose(distances, brute_force_distances(points, 5), rtol=1e-9)
    assert ("sklearn" in sys.modules) or module == "scipy"


def test_more_duplicates_than_neighbours_give_no_loops():
    points = np.concatenate([np.zeros((9, 2)), np.ones((3, 2))])
    found = nearest_neighbors(points, 3)
    assert not (found == np.arange(12)[:, None]).any()
    assert (found[:9] < 9).all()


def test_nearest_points_of_a_query():
    points = np.random.default_rng(1).normal(size=(50, 3))
    query = np.array([0.1, 0.2, 0.3])
    rows, distances = nearest_points(query, points, 6)
    expected = np.linalg.norm(points - query, axis=1)
    np.testing.assert_array_equal(rows, np.argsort(expected)[:6])
    np.testing.assert_allclose(distances, np.sort(expected)[:6])
    assert len(nearest_points(query, points, 50)[0]) == 50


def test_edges_are_undirected_and_merged():
    neighbors = np.array([[1, 2], [0, 2], [1, 0], [0, 1]])
    np.testing.assert_array_equal(
        undirected_edges(neighbors), [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3]]
    )
