"""A latent graph as an object of igraph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hiervae.manifold.graph_arrays import GraphArrays

if TYPE_CHECKING:
    import igraph


def as_igraph(arrays: GraphArrays) -> igraph.Graph:
    """Return an undirected igraph graph with the nodes, edges and weights of `arrays`.

    Vertex i is node i, with attributes `position`, a list of d floats, and `walkable`, a bool;
    edge j is row j of the edges, with the attribute `weight`.
    """
    import igraph  # takes long enough that only who asks should wait

    return igraph.Graph(
        n=len(arrays.nodes),
        edges=arrays.edges,
        vertex_attrs={"position": arrays.nodes.tolist(), "walkable": arrays.walkable.tolist()},
        edge_attrs={"weight": arrays.weights.tolist()},
    )
