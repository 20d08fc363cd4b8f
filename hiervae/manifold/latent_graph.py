"""The nearest-neighbour graph of a latent space."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hiervae.errors import DataError
from hiervae.manifold.checks import finite_matrix
from hiervae.manifold.codec import Codec, Coder
from hiervae.manifold.density import density_floor, lowest_log_densities, warn_of_low_mass
from hiervae.manifold.end_points import EndPoints
from hiervae.manifold.exchange import as_igraph
from hiervae.manifold.graph_arrays import GraphArrays
from hiervae.manifold.graph_file import read_graph, write_graph
from hiervae.manifold.path import Path
from hiervae.manifold.path_finder import PathFinder
from hiervae.utils.arrays import require_array
from hiervae.utils.validation import check_positive_int

if TYPE_CHECKING:
    import igraph

    from hiervae.model import HierarchicalVAE

PRUNE_FRACTION = 0.05
"""Share of the prior's samples that `LatentGraph.from_prior` leaves out of its paths by default."""


class LatentGraph:
    """A k-nearest-neighbour graph for interpolation along the learned manifold.

    Klushyn et al. (2019), section 2.3: the nodes are latent vectors, every node is joined by
    undirected edges to its k nearest neighbours, and an edge weighs its Euclidean length. Two
    data points are interpolated along the shortest path between their encodings. Build a graph
    with `from_prior` or `from_latents`; it does not change afterwards.

    A continuous prior cannot leave a hole quite empty: a few of its samples lie where it has next
    to no mass, and a shortest path would cross over them. Therefore a share of the samples, those
    farthest from their k-th neighbour, is pruned: they stay among the nodes, but no path visits
    them. One that alone connects others is kept. This is not in the paper; `prune_fraction=0`
    gives its plain rule.

    Example:
        >>> import numpy as np
        >>> turn = np.linspace(0, 2 * np.pi, 100, endpoint=False)
        >>> circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        >>> graph = LatentGraph.from_latents(circle, num_neighbors=2)
        >>> path = graph.interpolate_latents([1.0, 0.0], [-1.0, 0.0])
        >>> round(path.length, 2)
        3.14

    Attributes:
        nodes: latent vectors, shape (num_nodes, d).
        edges: node numbers of each edge, shape (n_e, 2), the smaller first, each edge once.
        weights: Euclidean length of each edge, shape (n_e,).
        num_neighbors: k.
        walkable: whether a path may visit each node, bool, shape (num_nodes,); a node that was
            pruned has no edges.
        prune_fraction: largest share of the nodes that was to be pruned.
    """

    def __init__(self, arrays: GraphArrays, codec: Codec) -> None:
        self.nodes = arrays.nodes
        self.edges = arrays.edges
        self.weights = arrays.weights
        self.num_neighbors = arrays.num_neighbors
        self.walkable = arrays.walkable
        self.prune_fraction = arrays.prune_fraction
        for array in (self.nodes, self.edges, self.weights, self.walkable):
            array.flags.writeable = False
        self._arrays = arrays
        self._codec = codec
        self._ends = EndPoints(codec, self.nodes.shape[1])
        self._finder = PathFinder(arrays)

    @classmethod
    def from_prior(
        cls,
        model: HierarchicalVAE,
        num_nodes: int = 1000,
        num_neighbors: int = 10,
        seed: int | None = 0,
        prune_fraction: float = PRUNE_FRACTION,
    ) -> LatentGraph:
        """Build the graph on samples of the learned prior (Klushyn et al. 2019, Eq. 13).

        The graph lives in the latent space that the prior governs: z_L of a stacked model, all
        levels joined of a flat one. Lower levels are decoded at their conditional means.

        Args:
            model: a built model.
            num_nodes: samples of the prior N.
            num_neighbors: neighbours k each node is joined to, below N.
            seed: of the samples; None draws anew at each call.
            prune_fraction: share of the samples, in [0, 1), that no path visits: those with the
                largest distance to their k-th neighbour, but for the ones without which others
                would no longer be connected; at least k + 1 are kept. 0 is the paper's rule.

        Returns:
            A graph that encodes and decodes with `model`, and whose `interpolate` warns of paths
            that go where the prior has next to no mass.

        Raises:
            ValueError: if `num_nodes`, `num_neighbors` or `prune_fraction` is out of range.
            DataError: if the prior gives samples that are not finite.
        """
        count = check_positive_int("num_nodes", num_nodes)
        nodes = finite_matrix(model.sample_prior(count, seed=seed), "the prior's samples")
        arrays = GraphArrays.from_nodes(nodes, num_neighbors, prune_fraction)
        codec = Codec.of_model(model)
        if codec.log_density is not None:
            arrays = replace(arrays, density_floor=density_floor(codec.log_density, nodes))
        return cls(arrays, codec)

    @classmethod
    def from_latents(
        cls,
        latents: ArrayLike,
        num_neighbors: int = 10,
        decode: Coder | None = None,
        encode: Coder | None = None,
        prune_fraction: float = 0.0,
    ) -> LatentGraph:
        """Build the graph on given latent vectors.

        Args:
            latents: nodes, shape (n, d).
            num_neighbors: neighbours k each node is joined to, below n.
            decode: maps latents (m, d) to outputs (m, *event_shape); without it a path has no
                `decoded`.
            encode: maps examples (m, *event_shape) to latents (m, d); without it only
                `interpolate_latents` works.
            prune_fraction: share of the nodes that no path visits, as in `from_prior`; vectors
                that were chosen are all kept by default.

        Returns:
            The graph.

        Raises:
            ValueError: if `num_neighbors` or `prune_fraction` is out of range.
            DataError: if the latents are not a finite (n, d) array.
        """
        nodes = finite_matrix(latents, "latents").copy()
        arrays = GraphArrays.from_nodes(nodes, num_neighbors, prune_fraction)
        return cls(arrays, Codec(encode, decode))

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], model: HierarchicalVAE | None = None
    ) -> LatentGraph:
        """Load a graph that `save` wrote.

        Args:
            path: the `.npz` file.
            model: encodes and decodes for the graph; without it only latents are interpolated.

        Returns:
            The graph, its nodes, edges and weights equal to the saved ones bit for bit. One that
            was saved before nodes could be pruned has no pruned nodes and warns of no path.

        Raises:
            FileNotFoundError: if there is no such file.
            DamagedFileError: if the file is not a graph.
            DataError: if the graph's dimension is not that of the model's prior.
        """
        arrays = read_graph(path)
        if model is None:
            return cls(arrays, Codec())
        if model.prior_dim != arrays.nodes.shape[1]:
            raise DataError(
                f"{os.fspath(path)} holds a graph in {arrays.nodes.shape[1]} dimensions; the "
                f"model's prior has {model.prior_dim}. Load it with the model it was built from."
            )
        return cls(arrays, Codec.of_model(model))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write nodes, edges, weights and settings to an `.npz` file, whole or not at all.

        The model is not written: give it to `load` again.

        Raises:
            OSError: if the file cannot be written.
        """
        write_graph(path, self._arrays)

    def to_igraph(self) -> igraph.Graph:
        """Return the graph for igraph's algorithms: components, centralities, layouts, files.

        Returns:
            An undirected `igraph.Graph`, a copy. Vertex i is node i with the attributes `position`
            (d floats) and `walkable`; edge j is `edges[j]` with the attribute `weight`.
        """
        return as_igraph(self._arrays)

    @property
    def num_nodes(self) -> int:
        """Number of nodes N, pruned ones among them."""
        return len(self.nodes)

    def interpolate(self, x_a: ArrayLike, x_b: ArrayLike) -> Path:
        """Interpolate between two examples along the graph.

        Both are encoded to their posterior means, which join the graph for this call as new
        nodes with their own k nearest neighbours; A* finds the shortest path between them, and
        everything on it is decoded. A warning says where the path goes through a region in which
        the prior has next to no mass: its log-density somewhere along the path is below that of
        99 % of the prior's samples.

        Args:
            x_a: the start, one example of shape event_shape (no batch axis).
            x_b: the end, likewise.

        Returns:
            The path; its ends are the encodings of `x_a` and `x_b`.

        Raises:
            ValueError: if the graph has no encoder.
            DataError: if an example has the wrong shape, or is encoded to values not finite.
            NoPathError: if the graph does not connect the two.
        """
        start, end = self._ends.of_examples(x_a, x_b)
        return self.interpolate_latents(start, end)

    def interpolate_many(self, pairs: ArrayLike) -> list[Path | None]:
        """Interpolate between the two examples of each pair, as `interpolate` does.

        All examples are encoded in one call, and all paths decoded in one; so it is much faster
        than `interpolate` in a loop. One warning counts the paths that go where the prior has next
        to no mass; `Path.leaves_mass` says which ones.

        Args:
            pairs: starts and ends, shape (m, 2, *event_shape).

        Returns:
            A path for each pair; None where the graph does not connect the two.

        Raises:
            ValueError: if the graph has no encoder.
            DataError: if the array has the wrong shape, or an example is encoded to values not
                finite.
        """
        return self.interpolate_many_latents(self._ends.of_example_pairs(pairs))

    def interpolate_latents(self, z_a: ArrayLike, z_b: ArrayLike) -> Path:
        """Interpolate between two latent vectors along the graph.

        Args:
            z_a: the start, shape (d,).
            z_b: the end, shape (d,).

        Returns:
            The path, decoded if the graph has a decoder.

        Raises:
            DataError: if a vector has the wrong shape or is not finite.
            NoPathError: if the graph does not connect the two.
        """
        (path,) = self._completed([self.shortest_path(z_a, z_b)])
        return path

    def interpolate_many_latents(self, pairs: ArrayLike) -> list[Path | None]:
        """Interpolate between the two latent vectors of each pair, as `interpolate_many` does.

        Args:
            pairs: starts and ends, shape (m, 2, d).

        Returns:
            A path for each pair, decoded if the graph has a decoder; None where the graph does
            not connect the two.

        Raises:
            DataError: if the array has the wrong shape or is not finite.
        """
        paths = self.shortest_paths(pairs)
        completed = iter(self._completed([path for path in paths if path is not None]))
        return [None if path is None else next(completed) for path in paths]

    def shortest_path(self, z_a: ArrayLike, z_b: ArrayLike) -> Path:
        """Find the path of `interpolate_latents` without decoding it, and without a warning.

        Args:
            z_a: the start, shape (d,).
            z_b: the end, shape (d,).

        Returns:
            The path, without `decoded`.

        Raises:
            DataError: if a vector has the wrong shape or is not finite.
            NoPathError: if the graph does not connect the two.
        """
        return self._finder.find(self._ends.vector(z_a, "z_a"), self._ends.vector(z_b, "z_b"))

    def shortest_paths(self, pairs: ArrayLike) -> list[Path | None]:
        """Find the paths of `interpolate_many_latents` without decoding them, and no warning.

        Args:
            pairs: starts and ends, shape (m, 2, d).

        Returns:
            A path for each pair, without `decoded`; None where the graph does not connect the two.

        Raises:
            DataError: if the array has the wrong shape or is not finite.
        """
        latents = self._ends.vector_pairs(pairs)
        return self._finder.find_many(latents) if len(latents) else []

    def _completed(self, paths: list[Path]) -> list[Path]:
        """The paths with their log-density and decoded, where the graph can do so."""
        if not paths:
            return []
        cuts = np.cumsum([len(path) for path in paths])[:-1]
        log_density, floor = self._codec.log_density, self._arrays.density_floor
        if log_density is not None and floor is not None:
            lowest = lowest_log_densities(log_density, [path.latents for path in paths])
            paths = [
                replace(path, lowest_log_density=value, density_floor=floor)
                for path, value in zip(paths, lowest, strict=True)
            ]
            warn_of_low_mass(paths, self.prune_fraction, self.num_nodes)
        if self._codec.decode is None:
            return paths
        latents = np.concatenate([path.latents for path in paths])
        decoded = require_array(self._codec.decode(latents), "what decode returned")
        if decoded.ndim == 0 or len(decoded) != len(latents):
            raise DataError(
                f"decode returned shape {decoded.shape} for {len(latents)} latents; expected one "
                "output for each along the first axis."
            )
        parts = np.split(decoded, cuts)
        return [replace(path, _decoded=part) for path, part in zip(paths, parts, strict=True)]
