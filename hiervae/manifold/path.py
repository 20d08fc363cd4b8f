"""A path through a latent graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Path:
    """The shortest path between two latent vectors through a `LatentGraph`.

    Attributes:
        latents: the start, the nodes between, and the end; shape (n, d), n >= 2.
        node_ids: the node of the graph at each position, shape (n,). The two ends are not nodes
            of the stored graph: they are numbered `graph.num_nodes` and `graph.num_nodes + 1`.
        length: sum of the Euclidean lengths of the steps, in units of the latent space.
    """

    latents: NDArray[np.float64]
    node_ids: NDArray[np.int64]
    length: float
    _decoded: NDArray[Any] | None = None

    @property
    def decoded(self) -> NDArray[Any]:
        """The decoded latents, shape (n, *event_shape).

        Raises:
            ValueError: if the graph was built without a decoder.
        """
        if self._decoded is None:
            raise ValueError(
                "This path was not decoded: its graph has no decoder. Build the graph with "
                "LatentGraph.from_prior(model), or pass decode= to LatentGraph.from_latents."
            )
        return self._decoded

    def __len__(self) -> int:
        """Number of positions n, both ends included."""
        return len(self.latents)
