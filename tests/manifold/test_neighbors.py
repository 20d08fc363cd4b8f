import numpy as np
import pytest
from scipy.spatial.distance import cdist

from hiervae.manifold.neighbor_search import search_by_differences, search_by_products
from hiervae.manifold.neighbors import nearest_neighbors, nearest_points, undirected_edges


def brute_force_distances(points, k):
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :k]


@pytest.mark.parametrize("d", [1, 2, 8, 9, 40])
@pytest.mark.parametrize("k", [1, 7, 59])
def test_neighbours_are_the_nearest_of_brute_force(d, k):
    points = np.random.default_rng(d).normal(size=(60, d)) + 3.0
    found = nearest_neighbors(points, k)
    assert found.shape == (60, k)
    assert not (found == np.arange(60)[:, None]).any()
    assert all(len(set(row)) == k for row in found)
    distances = np.linalg.norm(points[found] - points[:, None], axis=-1)
    np.testing.assert_allclose(distances, brute_force_distances(points, k), rtol=1e-12)


SEARCHES = [search_by_products, search_by_differences]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("size", [7, 33, 700])
@pytest.mark.parametrize("d", [1, 3, 24, 90])
def test_searches_find_what_brute_force_finds(search, size, d):
    generator = np.random.default_rng(size + d)
    points, queries = generator.normal(size=(size, d)), generator.normal(size=(600, d))
    expected = np.argsort(cdist(queries, points), axis=1)
    for count in (1, 7):
        np.testing.assert_array_equal(search(queries, points, count), expected[:, :count])


def far_clusters(generator):
    """Clusters whose width is lost in single precision beside their distances."""
    return 1e4 * generator.normal(size=(8, 1, 12)) + 1e-3 * generator.normal(size=(8, 40, 12))


HARD = {
    "far from the origin": lambda generator: generator.normal(size=(320, 12)) + 1e6,
    "clusters far apart": far_clusters,
    "one far point": lambda generator: np.append(generator.normal(size=(319, 12)), [[1e9] * 12], 0),
    "overflows single precision": lambda generator: 1e60 * generator.normal(size=(320, 12)),
    "squares nearly overflow": lambda generator: 1e153 * generator.uniform(size=(320, 12)),
    "tiny": lambda generator: 1e-60 * generator.normal(size=(320, 12)),
}


@pytest.mark.parametrize("case", HARD)
def test_rounding_hides_no_neighbour(case):
    points = HARD[case](np.random.default_rng(0)).reshape(320, 12)
    found = nearest_neighbors(points, 5)
    distances = np.linalg.norm(points[found] - points[:, None], axis=-1)
    np.testing.assert_allclose(distances, brute_force_distances(points, 5), rtol=1e-9)


def test_of_equally_far_points_any_are_taken():
    grid = np.stack(np.meshgrid(*[np.arange(2.0)] * 9), axis=-1).reshape(-1, 9)
    points = np.concatenate([grid, grid[:100]])
    for search in SEARCHES:
        found = search(points, points, 6)
        assert all(len(set(row)) == 6 for row in found)
        distances = np.linalg.norm(points[found] - points[:, None], axis=-1)
        expected = np.sort(cdist(points, points), axis=1)[:, :6]
        np.testing.assert_allclose(distances, expected, atol=1e-12)


def test_more_duplicates_than_neighbours_give_no_loops():
    points = np.concatenate([np.zeros((9, 2)), np.ones((3, 2))])
    found = nearest_neighbors(points, 3)
    assert not (found == np.arange(12)[:, None]).any()
    assert (found[:9] < 9).all()


@pytest.mark.parametrize("num_queries", [1, 2, 40])
@pytest.mark.parametrize("d", [3, 12])
def test_nearest_points_of_queries(num_queries, d):
    generator = np.random.default_rng(1)
    points, queries = generator.normal(size=(50, d)), generator.normal(size=(num_queries, d))
    rows, distances = nearest_points(queries, points, 6)
    expected = cdist(queries, points)
    np.testing.assert_array_equal(rows, np.argsort(expected, axis=1)[:, :6])
    np.testing.assert_allclose(distances, np.sort(expected, axis=1)[:, :6])
    assert nearest_points(queries, points, 50)[0].shape == (num_queries, 50)
    assert nearest_points(queries, points, 1)[0].shape == (num_queries, 1)


def test_edges_are_undirected_and_merged():
    neighbors = np.array([[1, 2], [0, 2], [1, 0], [0, 1]])
    np.testing.assert_array_equal(
        undirected_edges(neighbors), [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3]]
    )
