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
        lowest_log_density: the prior's lowest log-density along the path, in nats, or its
            estimate; None where the graph has no prior, or was not asked for it.
        density_floor: the log-density that all but 1 % of the prior's samples exceed, in nats;
            None likewise.
    """

    latents: NDArray[np.float64]
    node_ids: NDArray[np.int64]
    length: float
    _decoded: NDArray[Any] | None = None
    lowest_log_density: float | None = None
    density_floor: float | None = None

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

    @property
    def longest_edge(self) -> float:
        """Euclidean length of the longest step, in units of the latent space."""
        return float(np.linalg.norm(np.diff(self.latents, axis=0), axis=1).max())

    @property
    def largest_jump(self) -> float:
        """Largest change from one decoded frame to the next.

        The root mean square of the difference over the output dimensions, in output units.

        Raises:
            ValueError: if the graph was built without a decoder.
        """
        frames = np.asarray(self.decoded, dtype=np.float64).reshape(len(self), -1)
        return float(np.sqrt(np.mean(np.square(np.diff(frames, axis=0)), axis=1)).max())

    @property
    def leaves_mass(self) -> bool:
        """Whether the path goes where the prior has next to no mass.

        Its lowest log-density is then below that of 99 % of the prior's samples. False where the
        density is not known.
        """
        if self.lowest_log_density is None or self.density_floor is None:
            return False
        return self.lowest_log_density < self.density_floor

    def __len__(self) -> int:
        """Number of positions n, both ends included."""
        return len(self.latents)
