import itertools
import os

import keras
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from hiervae.errors import DamagedFileError, DataError, NoPathError
from hiervae.manifold import LatentGraph, path_finder


def dijkstra_length(graph, z_a, z_b):
    """Length of the shortest path by SciPy, over a graph assembled by brute force."""
    points = np.concatenate([graph.nodes, [z_a, z_b]])
    n, k = graph.num_nodes, graph.num_neighbors
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    among_nodes = distances[:, :n].copy()
    among_nodes[np.arange(n), np.arange(n)] = np.inf
    matrix = np.full((n + 2, n + 2), np.inf)
    for row in range(n + 2):
        near = np.argsort(among_nodes[row], kind="stable")[:k]
        matrix[row, near] = distances[row, near]
    limit = [np.sort(among_nodes[row])[k - 1] for row in (n, n + 1)]
    if distances[n, n + 1] <= max(limit):
        matrix[n, n + 1] = distances[n, n + 1]
    finite = np.isfinite(matrix)
    sparse = csr_matrix((matrix[finite], np.nonzero(finite)), shape=matrix.shape)
    return dijkstra(sparse, directed=False, indices=n)[n + 1]


@pytest.mark.parametrize(("d", "k"), [(1, 8), (2, 4), (2, 12), (3, 6), (16, 5)])
def test_path_is_as_short_as_dijkstra_finds_it(d, k):
    generator = np.random.default_rng(10 * d + k)
    graph = LatentGraph.from_latents(generator.normal(size=(150, d)), num_neighbors=k)
    reachable = 0
    for _ in range(25):
        z_a, z_b = generator.normal(size=(2, d)) * 1.3
        expected = dijkstra_length(graph, z_a, z_b)
        if np.isinf(expected):
            with pytest.raises(NoPathError):
                graph.interpolate_latents(z_a, z_b)
            continue
        path = graph.interpolate_latents(z_a, z_b)
        assert path.length == pytest.approx(expected, rel=1e-9)
        reachable += 1
    assert reachable >= 10


@pytest.mark.parametrize("spacing", ["random", "regular"])
def test_points_on_a_line_survive_rounding(spacing):
    # The lengths of all ways along a line agree but for rounding: then the straight-line
    # heuristic is no longer consistent, and weights that take it off would be negative.
    for seed in range(20):
        generator = np.random.default_rng(seed)
        line = generator.normal(size=150) if spacing == "random" else np.arange(150) / 7.0
        graph = LatentGraph.from_latents(line[:, None] * [0.3, 0.7], num_neighbors=8)
        for a, b in generator.choice(line, size=(20, 2)):
            path = graph.interpolate_latents([0.3 * a, 0.7 * a], [0.3 * b, 0.7 * b])
            assert path.length == pytest.approx(np.hypot(0.3, 0.7) * abs(a - b), rel=1e-9)


def test_a_path_far_from_straight_is_found_in_a_large_graph(monkeypatch):
    # Only in large graphs is the search repeated with more room for detours.
    generator = np.random.default_rng(0)
    angle = np.linspace(0.3, 2 * np.pi - 0.3, 400) + generator.uniform(-0.01, 0.01, 400)
    arc = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    small = LatentGraph.from_latents(arc, num_neighbors=6)
    monkeypatch.setattr(path_finder, "_SMALL", 100)
    for a, b in [(0.35, 1.0), (0.35, 2.5), (0.35, 5.9)]:  # the last is nearly all the way round
        ends = [[np.cos(a), np.sin(a)], [np.cos(b), np.sin(b)]]
        expected = dijkstra_length(small, *ends)
        assert expected == pytest.approx(b - a, rel=0.02)
        assert small.interpolate_latents(*ends).length == pytest.approx(expected, rel=1e-9)


def test_path_walks_along_edges_between_its_ends():
    generator = np.random.default_rng(0)
    graph = LatentGraph.from_latents(generator.normal(size=(200, 2)), num_neighbors=6)
    z_a, z_b = np.array([-1.5, 0.3]), np.array([1.4, -0.2])
    path = graph.interpolate_latents(z_a, z_b)
    np.testing.assert_array_equal(path.latents[[0, -1]], [z_a, z_b])
    np.testing.assert_array_equal(path.node_ids[[0, -1]], [200, 201])
    np.testing.assert_array_equal(path.latents[1:-1], graph.nodes[path.node_ids[1:-1]])
    edges = {tuple(edge) for edge in graph.edges.tolist()}
    inner = path.node_ids[1:-1]
    assert len(inner) >= 3
    assert {(min(p), max(p)) for p in itertools.pairwise(inner)} <= edges
    steps = np.linalg.norm(np.diff(path.latents, axis=0), axis=1)
    assert path.length == pytest.approx(steps.sum())
    assert len(path) == len(path.latents)


def test_edges_weigh_their_length_and_are_single():
    latents = np.random.default_rng(3).normal(size=(80, 2))
    graph = LatentGraph.from_latents(latents, num_neighbors=5)
    a, b = graph.edges.T
    assert (a < b).all()
    assert len(np.unique(graph.edges, axis=0)) == len(graph.edges)
    np.testing.assert_allclose(graph.weights, np.linalg.norm(latents[a] - latents[b], axis=1))
    assert (np.bincount(graph.edges.ravel(), minlength=80) >= 5).all()


def test_interpolation_leaves_the_graph_as_it_was():
    graph = LatentGraph.from_latents(np.random.default_rng(3).normal(size=(80, 2)), 5)
    before = [graph.nodes.copy(), graph.edges.copy(), graph.weights.copy()]
    first = graph.interpolate_latents([-1, 0], [1, 0])
    graph.interpolate_latents([0, -1], [0, 1])
    again = graph.interpolate_latents([-1, 0], [1, 0])
    for old, new in zip(before, [graph.nodes, graph.edges, graph.weights], strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(first.node_ids, again.node_ids)
    with pytest.raises(ValueError, match="read-only"):
        graph.nodes[0] = 0.0


def test_model_is_interpolated_around_its_circle(circle_model):
    graph = LatentGraph.from_prior(circle_model, num_nodes=500, num_neighbors=6, seed=4)
    start, end = circle_model.at(0.0, 2.0)
    path = graph.interpolate(start, end)
    assert path.length == pytest.approx(2.0, abs=0.01)
    np.testing.assert_allclose(np.linalg.norm(path.latents, axis=1), 1.0, atol=1e-6)
    angles = np.arctan2(path.latents[:, 1], path.latents[:, 0])
    assert (np.diff(angles) > 0).all()
    assert path.decoded.shape == (len(path), 2, 2, 1)
    np.testing.assert_allclose(path.decoded[[0, -1]], [start, end], atol=1e-6)
    np.testing.assert_array_equal(path.decoded, circle_model.generate(path.latents))


def test_prior_samples_are_the_nodes_and_the_seed_decides(circle_model):
    graph = LatentGraph.from_prior(circle_model, num_nodes=50, num_neighbors=3, seed=7)
    np.testing.assert_array_equal(graph.nodes, circle_model.sample_prior(50, seed=7))
    other = LatentGraph.from_prior(circle_model, num_nodes=50, num_neighbors=3, seed=8)
    assert not np.array_equal(graph.nodes, other.nodes)


def test_same_end_twice_is_a_path_of_length_zero(circle_model):
    graph = LatentGraph.from_prior(circle_model, num_nodes=50, num_neighbors=3)
    x = circle_model.at(1.0)[0]
    path = graph.interpolate(x, x)
    assert path.length == 0.0
    assert len(path) == 2
    np.testing.assert_array_equal(path.node_ids, [50, 51])


def test_ends_on_nodes_are_not_repeated():
    line = np.linspace(0.0, 1.0, 11)[:, None]
    graph = LatentGraph.from_latents(np.concatenate([line, line]), num_neighbors=4)
    path = graph.interpolate_latents([0.0], [1.0])
    assert path.length == pytest.approx(1.0)
    assert (np.diff(path.latents[:, 0]) > 0).all()
    assert graph.interpolate_latents([0.3], [0.3]).latents.tolist() == [[0.3], [0.3]]


def test_near_ends_are_joined_directly_and_far_ones_are_not():
    grid = np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), axis=-1).reshape(-1, 2)
    graph = LatentGraph.from_latents(grid, num_neighbors=4)
    near = graph.interpolate_latents([3.4, 3.4], [3.6, 3.6])
    assert near.node_ids.tolist() == [64, 65]
    # Each is among the other's nearest, or one alone is: the union, as between nodes.
    lopsided = graph.interpolate_latents([3.5, 9.0], [3.5, 7.2])
    assert lopsided.node_ids.tolist() == [64, 65]
    far = graph.interpolate_latents([3.5, 9.0], [3.5, 4.2])
    assert len(far) > 2


def test_unreachable_ends_name_the_parts():
    islands = np.concatenate([np.zeros((6, 2)), np.full((9, 2), 10.0)])
    islands += np.random.default_rng(0).normal(size=islands.shape) * 0.1
    graph = LatentGraph.from_latents(islands, num_neighbors=3)
    with pytest.raises(NoPathError, match=r"6 nodes.*another of 9.*2 parts.*9, 6.*num_neighbors"):
        graph.interpolate_latents([0, 0], [10, 10])
    joined = LatentGraph.from_latents(islands, num_neighbors=8)
    assert joined.interpolate_latents([0, 0], [10, 10]).length > 13


def test_many_pairs_are_encoded_and_decoded_in_one_call(circle_model):
    decoded, generate = [], circle_model.generate
    pairs = circle_model.at(0.0, 2.0, 3.0, 3.5, 1.0, 1.0).reshape(3, 2, 2, 2, 1)
    circle_model.generate = lambda z: decoded.append(len(z)) or generate(z)
    graph = LatentGraph.from_prior(circle_model, num_nodes=500, num_neighbors=6, seed=4)
    paths = graph.interpolate_many(pairs)
    assert circle_model.encode_calls == 1
    assert decoded == [sum(len(path) for path in paths)]
    expected = [graph.interpolate(*pair) for pair in pairs]
    for path, alone in zip(paths, expected, strict=True):
        np.testing.assert_array_equal(path.node_ids, alone.node_ids)
        np.testing.assert_array_equal(path.latents, alone.latents)
        np.testing.assert_allclose(path.decoded, alone.decoded, rtol=1e-12)
        assert path.lowest_log_density == alone.lowest_log_density
        assert path.density_floor == alone.density_floor
    assert graph.interpolate_many(pairs[:0]) == []
    assert graph.interpolate_many([tuple(pair) for pair in pairs])[0].length == paths[0].length


def test_pairs_that_are_not_connected_have_no_path():
    islands = np.concatenate([np.zeros((6, 2)), np.full((9, 2), 10.0)])
    islands += np.random.default_rng(0).normal(size=islands.shape) * 0.1
    graph = LatentGraph.from_latents(islands, 3, decode=lambda z: 2 * z)
    pairs = [[[0, 0], [10, 10]], [[0.0, 0.1], [0.1, 0.2]], [[10, 10], [0, 0]]]
    paths = graph.interpolate_many_latents(pairs)
    assert [path is None for path in paths] == [True, False, True]
    np.testing.assert_array_equal(paths[1].decoded, 2 * paths[1].latents)
    assert graph.interpolate_many_latents(pairs[:1]) == [None]
    assert graph.interpolate_many_latents(np.zeros((0, 2, 2))) == []


def test_unusable_pairs_are_refused(circle_model):
    graph = LatentGraph.from_prior(circle_model, num_nodes=50, num_neighbors=3)
    x = circle_model.at(0.0, 1.0)
    with pytest.raises(DataError, match=r"pairs has shape \(2, 2, 2, 1\).*\(m, 2, 2, 2, 1\)"):
        graph.interpolate_many(x)
    with pytest.raises(DataError, match=r"pairs has shape \(1, 3, 2\).*\(m, 2, 2\)"):
        graph.interpolate_many_latents(np.zeros((1, 3, 2)))
    with pytest.raises(DataError, match="pairs holds NaN"):
        graph.shortest_paths([[[0.0, np.nan], [1.0, 0.0]]])
    with pytest.raises(DataError, match="encoded end points holds NaN"):
        graph.interpolate_many(np.nan * x[None])
    bare = LatentGraph.from_latents(graph.nodes, 3)
    with pytest.raises(ValueError, match="no encoder"):
        bare.interpolate_many(x[None])


@pytest.mark.parametrize("k", [0, -1, 10, 11, 2.0, True, "3", None])
def test_num_neighbors_out_of_range(k):
    with pytest.raises(ValueError, match="num_neighbors"):
        LatentGraph.from_latents(np.random.default_rng(0).normal(size=(10, 2)), k)


@pytest.mark.parametrize("n", [0, -5, 1.5, True, None])
def test_num_nodes_out_of_range(circle_model, n):
    with pytest.raises(ValueError, match="num_nodes"):
        LatentGraph.from_prior(circle_model, num_nodes=n)


@pytest.mark.parametrize(
    "latents",
    [
        np.zeros(5),
        np.zeros((0, 2)),
        np.zeros((5, 0)),
        np.zeros((5, 2, 2)),
        np.where(np.arange(10) == 4, np.nan, 0.0).reshape(5, 2),
        np.where(np.arange(10) == 4, np.inf, 0.0).reshape(5, 2),
        np.full((5, 2), 1e200),
        [["a", "b"], ["c", "d"]],
        [[1.0], [1.0, 2.0]],
    ],
)
def test_unusable_latents_are_refused(latents):
    with pytest.raises(DataError, match="latents"):
        LatentGraph.from_latents(latents, 1)


def test_batches_and_wrong_shapes_are_refused(circle_model):
    graph = LatentGraph.from_prior(circle_model, num_nodes=50, num_neighbors=3)
    x = circle_model.at(0.0, 1.0)
    with pytest.raises(DataError, match=r"x_a has shape \(2, 2, 2, 1\).*\(2, 2, 1\)"):
        graph.interpolate(x, x)
    with pytest.raises(DataError, match="x_b has shape"):
        graph.interpolate(x[0], x[:1])
    with pytest.raises(DataError, match=r"z_a has shape \(1, 2\)"):
        graph.interpolate_latents([[0.0, 0.0]], [1.0, 0.0])
    with pytest.raises(DataError, match=r"z_b has shape \(3,\)"):
        graph.interpolate_latents([0.0, 0.0], [1.0, 0.0, 0.0])
    with pytest.raises(DataError, match="z_a holds NaN"):
        graph.interpolate_latents([0.0, np.nan], [1.0, 0.0])
    with pytest.raises(DataError, match="encoded end points holds NaN"):
        graph.interpolate(x[0] * np.nan, x[1])


def test_graph_of_latents_uses_what_it_is_given():
    latents = np.random.default_rng(0).normal(size=(40, 2))
    bare = LatentGraph.from_latents(latents, 4)
    path = bare.interpolate_latents(latents[0], latents[1])
    with pytest.raises(ValueError, match="no decoder"):
        path.decoded  # noqa: B018
    with pytest.raises(ValueError, match="no encoder"):
        bare.interpolate(latents[0], latents[1])
    full = LatentGraph.from_latents(latents, 4, decode=lambda z: 2 * z, encode=lambda x: x / 2)
    doubled = full.interpolate(2 * latents[0], 2 * latents[1])
    np.testing.assert_array_equal(doubled.latents, path.latents)
    np.testing.assert_array_equal(doubled.decoded, 2 * path.latents)


def test_misfitting_coders_are_reported():
    latents = np.random.default_rng(0).normal(size=(40, 2))
    graph = LatentGraph.from_latents(latents, 4, decode=lambda z: z[:1], encode=lambda x: x[:, :1])
    with pytest.raises(DataError, match=r"encoded to shape \(2, 1\); expected \(2, 2\)"):
        graph.interpolate(latents[0], latents[1])
    with pytest.raises(DataError, match=r"decode returned shape \(1, 2\)"):
        graph.interpolate_latents(latents[0], latents[1])


def test_saved_graph_comes_back_bit_for_bit(tmp_path, circle_model):
    graph = LatentGraph.from_prior(circle_model, num_nodes=60, num_neighbors=4)
    file = tmp_path / "graph.npz"
    graph.save(file)
    assert [entry.name for entry in tmp_path.iterdir()] == ["graph.npz"]
    loaded = LatentGraph.load(file, circle_model)
    for name in ("nodes", "edges", "weights", "num_neighbors"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(graph, name))
    x = circle_model.at(0.0, 1.0)
    np.testing.assert_array_equal(loaded.interpolate(*x).decoded, graph.interpolate(*x).decoded)
    bare = LatentGraph.load(str(file))
    with pytest.raises(ValueError, match="no encoder"):
        bare.interpolate(*x)


@pytest.mark.parametrize(("owner", "name"), [(np, "savez_compressed"), (os, "replace")])
def test_failed_save_leaves_nothing_behind(tmp_path, monkeypatch, owner, name):
    graph = LatentGraph.from_latents(np.random.default_rng(0).normal(size=(40, 2)), 4)
    file = tmp_path / "graph.npz"
    file.write_bytes(b"before")

    def full_disk(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, name, full_disk)
    with pytest.raises(OSError, match="No space"):
        graph.save(file)
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


def test_damaged_files_are_named(tmp_path, circle_model):
    graph = LatentGraph.from_prior(circle_model, num_nodes=60, num_neighbors=4)
    file = tmp_path / "graph.npz"
    with pytest.raises(FileNotFoundError):
        LatentGraph.load(file)
    graph.save(file)
    whole = file.read_bytes()
    for damaged in (b"", b"text", whole[: len(whole) // 2], whole[:200] + b"xxxx" + whole[204:]):
        file.write_bytes(damaged)
        with pytest.raises(DamagedFileError, match=r"graph\.npz"):
            LatentGraph.load(file)


@pytest.mark.parametrize(
    "change",
    [
        {"edges": np.array([[0, 99]])},
        {"weights": np.array([-1.0])},
        {"weights": np.array([1.0, 1.0])},
        {"nodes": np.full((3, 2), np.nan)},
        {"nodes": np.zeros((3, 2), np.float32)},
        {"num_neighbors": np.int64(3)},
        {"num_neighbors": np.array([1, 2])},
        {"nodes": None},
    ],
)
def test_arrays_that_are_no_graph_are_refused(tmp_path, change):
    arrays = {
        "nodes": np.zeros((3, 2)),
        "edges": np.array([[0, 1]]),
        "weights": np.array([1.0]),
        "num_neighbors": np.int64(1),
    }
    file = tmp_path / "graph.npz"
    np.savez(file, **arrays)
    assert LatentGraph.load(file).num_nodes == 3
    np.savez(file, **{k: v for k, v in (arrays | change).items() if v is not None})
    with pytest.raises(DamagedFileError):
        LatentGraph.load(file)


def test_graph_of_another_model_is_refused(tmp_path, circle_model):
    file = tmp_path / "graph.npz"
    LatentGraph.from_latents(np.random.default_rng(0).normal(size=(40, 3)), 4).save(file)
    with pytest.raises(DataError, match="3 dimensions; the model's prior has 2"):
        LatentGraph.load(file, circle_model)


def test_complex_latents_are_refused():
    with pytest.raises(DataError, match="the type complex128; expected real numbers"):
        LatentGraph.from_latents(np.ones((20, 2)) * 1j)


def test_a_decoder_may_return_tensors_with_gradients():
    latents = np.random.default_rng(0).normal(size=(30, 2))
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    graph = LatentGraph.from_latents(latents, 4, decode=decoder)
    path = graph.interpolate_latents(latents[0], latents[1])
    kernel, bias = decoder.get_weights()
    np.testing.assert_allclose(path.decoded, path.latents @ kernel + bias, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        (np.ma.masked_array([[0.0, 9.0]] * 2, [[0, 1]] * 2), "is a masked array"),
        ([[0.0, 1.0], [0.0]], r"\(2,\)|of several lengths|rows"),
    ],
)
def test_ends_that_are_no_plain_arrays_are_refused(ends, message):
    graph = LatentGraph.from_latents(np.random.default_rng(0).normal(size=(30, 2)), 4)
    with pytest.raises(DataError, match=message):
        graph.interpolate_latents(ends[0], ends[1])
    with pytest.raises(DataError):
        graph.interpolate_many_latents([ends] if isinstance(ends, list) else ends[None])
