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
        arrays = GraphArrays(nodes, edges, weights, int(num_neighbors))
    except Exception as error:  # A damaged archive raises nearly anything.
        raise DamagedFileError(
            f"{os.fspath(path)} cannot be read as a latent graph ({error}); save it again."
        ) from error
    if not arrays.is_consistent():
        raise DamagedFileError(
            f"{os.fspath(path)} holds arrays that do not form a latent graph; save it again."
        )
    return arrays
