"""Graphs on disk."""

from __future__ import annotations

import io
import os
import pathlib

import numpy as np

from hiervae.errors import DamagedFileError
from hiervae.manifold.graph_arrays import GraphArrays
from hiervae.utils.files import replacing

_KEYS = ("nodes", "edges", "weights", "num_neighbors")
# Files from before nodes could be pruned lack these.
_PRUNING_KEYS = ("walkable", "prune_fraction", "density_floor")


def write_graph(path: str | os.PathLike[str], arrays: GraphArrays) -> None:
    """Write a graph to exactly `path`, whole or not at all.

    Raises:
        OSError: if the file cannot be written.
    """
    with replacing(pathlib.Path(path)) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            nodes=arrays.nodes,
            edges=arrays.edges,
            weights=arrays.weights,
            num_neighbors=np.int64(arrays.num_neighbors),
            walkable=arrays.walkable,
            prune_fraction=np.float64(arrays.prune_fraction),
            density_floor=np.float64(_none_to_nan(arrays.density_floor)),
        )


def read_graph(path: str | os.PathLike[str]) -> GraphArrays:
    """Read a graph that `write_graph` wrote.

    Raises:
        OSError: if there is no such file, or it cannot be opened.
        DamagedFileError: if the file is not a graph.
    """
    content = io.BytesIO(pathlib.Path(path).read_bytes())
    try:
        with np.load(content, allow_pickle=False) as stored:
            nodes, edges, weights, num_neighbors = (stored[key] for key in _KEYS)
            walkable, fraction, floor = np.ones(len(nodes), dtype=bool), 0.0, np.nan
            if not stored.keys().isdisjoint(_PRUNING_KEYS):
                walkable, fraction, floor = (stored[key] for key in _PRUNING_KEYS)
        known = None if np.isnan(floor) else float(floor)
        arrays = GraphArrays(
            nodes, edges, weights, int(num_neighbors), walkable, float(fraction), known
        )
    except Exception as error:  # A damaged archive raises nearly anything.
        raise DamagedFileError(
            f"{os.fspath(path)} cannot be read as a latent graph ({error}); save it again."
        ) from error
    if not arrays.is_consistent():
        raise DamagedFileError(
            f"{os.fspath(path)} holds arrays that do not form a latent graph; save it again."
        )
    return arrays


def _none_to_nan(value: float | None) -> float:
    return float("nan") if value is None else value
