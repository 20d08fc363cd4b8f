import numpy as np
import pytest

from hiervae.manifold import LatentGraph


@pytest.fixture(scope="module")
def graph():
    nodes = np.random.default_rng(0).normal(size=(200, 3))
    return LatentGraph.from_latents(nodes, num_neighbors=5, prune_fraction=0.1)


def test_igraph_has_the_same_nodes_edges_and_weights(graph):
    network = graph.to_igraph()
    assert not network.is_directed()
    assert network.vcount() == 200
    assert 0 < graph.walkable.sum() < 200
    np.testing.assert_array_equal(network.vs["position"], graph.nodes)
    np.testing.assert_array_equal(network.vs["walkable"], graph.walkable)
    np.testing.assert_array_equal(network.get_edgelist(), graph.edges)
    np.testing.assert_array_equal(network.es["weight"], graph.weights)
    pruned = np.flatnonzero(~graph.walkable)
    assert network.degree(pruned.tolist()) == [0] * len(pruned)


def test_igraph_finds_the_same_shortest_paths(graph):
    network = graph.to_igraph()
    largest = np.array(max(network.connected_components(), key=len))
    for start, end in np.random.default_rng(1).choice(largest, size=(10, 2), replace=False):
        # An end of ours at a node is a new node there, with the edges that this one has.
        path = graph.shortest_path(graph.nodes[start], graph.nodes[end])
        expected = network.get_shortest_path(start, end, weights="weight", output="vpath")
        steps = np.diff(graph.nodes[expected], axis=0)
        length = np.linalg.norm(steps, axis=1).sum()
        assert path.length == pytest.approx(length, rel=1e-9)
        assert [i for i in path.node_ids if i not in (start, end, 200, 201)] == expected[1:-1]


def test_changing_the_copy_leaves_the_graph_alone(graph):
    network = graph.to_igraph()
    network.delete_edges(network.es)
    network.vs["walkable"] = False
    assert graph.to_igraph().ecount() == len(graph.edges)
    assert graph.walkable.any()
