"""What keeps a path where the prior has mass, and what says that it does not."""

import warnings

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from hiervae.errors import DamagedFileError, NoPathError
from hiervae.manifold import LatentGraph
from hiervae.plotting import interpolation_strip, latent_space


def ring_with_strays(seed=0, num_nodes=400):
    """A noisy ring of radius 1, and three samples that bridge its hole."""
    generator = np.random.default_rng(seed)
    angle = generator.uniform(0, 2 * np.pi, num_nodes)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    strays = np.array([[-0.45, 0.0], [0.0, 0.02], [0.45, 0.0]])
    return np.concatenate([ring + 0.03 * generator.normal(size=ring.shape), strays])


class TornRing:
    """Stands in for a model whose prior has a few samples in the hole of its ring."""

    event_shape = (2,)
    prior_dim = 2

    def __init__(self, model):
        self.prior, self.generator_kept = model.prior, model.generator_kept

    def sample_prior(self, n, seed=None):
        return ring_with_strays(seed, n - 3)

    def prior_log_prob(self, latent, seed=None):
        radius = np.linalg.norm(latent, axis=1)
        return -0.5 * np.square((radius - 1.0) / 0.03)

    def encode(self, x):
        return [np.asarray(x)]

    def governed_latent(self, latents):
        return latents[0]

    def generate(self, z):
        return 3.0 * np.asarray(z)


@pytest.fixture
def torn(circle_model):
    return TornRing(circle_model)


ENDS = np.array([[-1.0, 0.0], [1.0, 0.0]])


def test_the_loneliest_nodes_are_left_out():
    nodes = ring_with_strays()
    plain = LatentGraph.from_latents(nodes, num_neighbors=12)
    graph = LatentGraph.from_latents(nodes, num_neighbors=12, prune_fraction=0.05)
    reach = np.sort(cdist(nodes, nodes), axis=1)[:, 12]
    pruned = np.argsort(reach)[-20:]  # 5 % of 403, and the ring is connected without them
    assert {400, 401, 402} < set(pruned)
    np.testing.assert_array_equal(np.flatnonzero(~graph.walkable), np.sort(pruned))
    np.testing.assert_array_equal(graph.nodes, nodes)
    np.testing.assert_array_equal(
        graph.edges, plain.edges[~np.isin(plain.edges, pruned).any(axis=1)]
    )


def test_a_path_goes_round_the_hole_and_not_over_its_strays(torn):
    plain = LatentGraph.from_prior(torn, 403, num_neighbors=8, seed=1, prune_fraction=0)
    assert plain.walkable.all()
    with pytest.warns(UserWarning, match=r"next to no mass.*99 %.*prune_fraction \(now 0\)"):
        across = plain.interpolate(*ENDS)
    assert across.length < 2.3
    assert across.leaves_mass
    default = LatentGraph.from_prior(torn, 403, num_neighbors=8, seed=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*next to no mass")
        round_it = default.interpolate(*ENDS)
    assert not round_it.leaves_mass
    assert 2.8 < round_it.length < 3.4  # half a turn, pi, on noisy nodes
    assert (np.linalg.norm(round_it.latents, axis=1) > 0.85).all()
    np.testing.assert_array_equal(default.nodes, plain.nodes)
    assert round_it.node_ids[-1] == default.num_nodes + 1 == 404


def test_one_warning_counts_the_paths_of_a_batch(torn):
    plain = LatentGraph.from_prior(torn, 403, num_neighbors=8, seed=1, prune_fraction=0)
    along = [[np.cos(1.0), np.sin(1.0)], [np.cos(1.5), np.sin(1.5)]]
    with pytest.warns(UserWarning, match="2 of 3 paths go where the prior has next to no") as seen:
        paths = plain.interpolate_many(np.stack([ENDS, along, ENDS[::-1]]))
    assert sum("next to no mass" in str(each.message) for each in seen) == 1
    assert [path.leaves_mass for path in paths] == [True, False, True]
    with pytest.warns(UserWarning, match="The path goes where"):
        plain.interpolate(*ENDS)


def test_the_density_is_judged_along_the_edges(torn):
    # Both ends and all nodes are in the ring: the density is low only on the edge between.
    torn.sample_prior = lambda n, seed=None: ring_with_strays(seed, n)[:n]
    graph = LatentGraph.from_prior(torn, 60, num_neighbors=50, seed=1)
    with pytest.warns(UserWarning, match="next to no mass"):
        path = graph.interpolate([-1.0, 0.0], [0.8, 0.6])
    weights = np.linspace(0.0, 1.0, 5)[:, None]
    along = [(1 - weights) * a + weights * b for a, b in zip(path.latents, path.latents[1:])]
    expected = torn.prior_log_prob(np.concatenate(along)).min()
    assert path.lowest_log_density == pytest.approx(expected)
    floor = np.quantile(torn.prior_log_prob(graph.nodes), 0.01)
    assert path.density_floor == pytest.approx(floor)


def test_the_longest_edge_and_the_largest_jump(torn):
    graph = LatentGraph.from_prior(torn, 403, num_neighbors=8, seed=1)
    path = graph.interpolate(*ENDS)
    steps = np.linalg.norm(np.diff(path.latents, axis=0), axis=1)
    assert path.longest_edge == steps.max()
    # Outputs are the latents times 3: a root mean square over two dimensions.
    assert path.largest_jump == pytest.approx(3.0 * steps.max() / np.sqrt(2.0))
    bare = LatentGraph.from_latents(graph.nodes, 8).interpolate_latents(*ENDS)
    with pytest.raises(ValueError, match="no decoder"):
        bare.largest_jump  # noqa: B018
    assert (bare.lowest_log_density, bare.leaves_mass) == (None, False)


def test_enough_nodes_are_kept():
    nodes = np.random.default_rng(0).normal(size=(12, 2))
    graph = LatentGraph.from_latents(nodes, num_neighbors=9, prune_fraction=0.9)
    assert graph.walkable.sum() == 10
    assert LatentGraph.from_latents(nodes, 11, prune_fraction=0.9).walkable.all()
    assert LatentGraph.from_latents(nodes, 3, prune_fraction=0.08).walkable.all()


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 1, 2, np.nan, True, "0.1", None])
def test_shares_out_of_range_are_refused(torn, fraction):
    with pytest.raises(ValueError, match="prune_fraction"):
        LatentGraph.from_prior(torn, 50, 3, prune_fraction=fraction)
    with pytest.raises(ValueError, match="prune_fraction"):
        LatentGraph.from_latents(np.eye(5), 3, prune_fraction=fraction)


def components(graph, nodes):
    """Number of the connected component of each of these nodes."""
    size = graph.num_nodes
    matrix = coo_matrix((np.ones(len(graph.edges)), graph.edges.T), shape=(size, size))
    return connected_components(matrix, directed=False)[1][nodes]


def test_a_bridge_that_others_need_is_kept():
    generator = np.random.default_rng(0)
    clouds = np.concatenate([[[-5.0, 0.0], [5.0, 0.0]] + 0.3 * generator.normal(size=(40, 2, 2))])
    bridge = np.stack([np.linspace(-5.0, 5.0, 9), np.zeros(9)], axis=1)[1:-1]
    dead_end = [[-5.0, 3.0], [5.0, 4.0]]
    nodes = np.concatenate([clouds.reshape(-1, 2), bridge, dead_end])
    graph = LatentGraph.from_latents(nodes, num_neighbors=4, prune_fraction=0.11)
    assert 3 <= graph.walkable[80:87].sum() < 7  # a step may skip one of its neighbours
    assert not graph.walkable[87:].any()
    path = graph.interpolate_latents([-5, 0], [5, 0])
    assert np.isin(path.node_ids, np.arange(80, 87)).sum() >= 3


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("d", [1, 2, 8])
def test_what_was_connected_stays_connected(d, k):
    nodes = np.random.default_rng(d + k).normal(size=(300, d))
    plain = LatentGraph.from_latents(nodes, k)
    pruned = LatentGraph.from_latents(nodes, k, prune_fraction=0.2)
    kept = np.flatnonzero(pruned.walkable)
    assert len(kept) < 300
    before, after = components(plain, kept), components(pruned, kept)
    pairs = {(a, b) for a, b in zip(before, after, strict=True)}
    assert len(pairs) == len(set(before)) == len(set(after))


def test_parts_without_pruned_nodes_are_named():
    islands = np.concatenate([np.zeros((6, 2)), np.full((14, 2), 10.0)])
    islands += np.random.default_rng(0).normal(size=islands.shape) * 0.1
    graph = LatentGraph.from_latents(islands, num_neighbors=3, prune_fraction=0.1)
    kept = graph.walkable.sum()
    assert kept < 20
    with pytest.raises(NoPathError, match=rf"graph of {kept} nodes.*2 parts.*num_neighbors"):
        graph.interpolate_latents([0, 0], [10, 10])


def test_a_saved_graph_keeps_what_was_pruned(torn, tmp_path):
    graph = LatentGraph.from_prior(torn, 403, num_neighbors=8, seed=1, prune_fraction=0.1)
    graph.save(tmp_path / "graph.npz")
    loaded = LatentGraph.load(tmp_path / "graph.npz", torn)
    np.testing.assert_array_equal(loaded.walkable, graph.walkable)
    assert loaded.prune_fraction == 0.1
    path, again = graph.interpolate(*ENDS), loaded.interpolate(*ENDS)
    np.testing.assert_array_equal(path.node_ids, again.node_ids)
    assert path.density_floor == again.density_floor
    assert path.lowest_log_density == again.lowest_log_density
    bare = LatentGraph.load(tmp_path / "graph.npz").interpolate_latents(*ENDS)
    assert bare.lowest_log_density is None


@pytest.mark.parametrize(
    "change",
    [
        {"walkable": np.array([True, True, False])},
        {"walkable": np.array([True, True])},
        {"walkable": np.ones(3)},
        {"prune_fraction": np.float64(1.0)},
        {"density_floor": np.float64(np.inf)},
        {"density_floor": None},
    ],
)
def test_files_with_impossible_pruning_are_refused(tmp_path, change):
    arrays = {
        "nodes": np.zeros((3, 2)),
        "edges": np.array([[1, 2]]),
        "weights": np.array([1.0]),
        "num_neighbors": np.int64(1),
        "walkable": np.array([False, True, True]),
        "prune_fraction": np.float64(0.4),
        "density_floor": np.float64(np.nan),
    }
    file = tmp_path / "graph.npz"
    np.savez(file, **arrays)
    assert LatentGraph.load(file).walkable.sum() == 2
    np.savez(file, **{k: v for k, v in (arrays | change).items() if v is not None})
    with pytest.raises(DamagedFileError, match=r"graph\.npz"):
        LatentGraph.load(file)


def test_the_pictures_say_so(torn):
    pytest.importorskip("matplotlib")
    plain = LatentGraph.from_prior(torn, 403, num_neighbors=8, seed=1, prune_fraction=0)
    default = LatentGraph.from_prior(torn, 403, num_neighbors=8, seed=1)
    with pytest.warns(UserWarning, match="next to no mass"):
        across = plain.interpolate(*ENDS)
    round_it = default.interpolate(*ENDS)
    said = "next to no mass"
    for path, expected in ((across, True), (round_it, False)):
        title = (
            latent_space(None, graph=default, interpolations=path, title="a").axes[0].get_title()
        )
        assert (said in title) is expected
        figure = interpolation_strip({"graph": path}, title="b", image_shape=(1, 2))
        texts = [text.get_text() for text in figure.axes[0].texts]
        assert any(said in text for text in texts) is expected
    figure = latent_space(default.nodes, graph=default, interpolations=round_it)
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == [
        "posterior means",
        "path",
        f"{(~default.walkable).sum()} of 403 nodes left out",
    ]
    pruned = default.nodes[~default.walkable]
    drawn = [entry.get_offsets() for entry in figure.axes[0].collections]
    assert any(np.array_equal(offsets, pruned) for offsets in drawn)
