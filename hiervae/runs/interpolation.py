"""Interpolation between two examples of a run's data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets import Dataset
from hiervae.errors import DataError
from hiervae.manifold import LatentGraph, Path, smoothness
from hiervae.model import HierarchicalVAE
from hiervae.runs.run_data import examples_of, has_angles, labels_of
from hiervae.types import Config


@dataclass(frozen=True, eq=False)
class Interpolation:
    """A path through a latent graph beside the straight line between its ends.

    Attributes:
        graph: the graph.
        path: the shortest path through it.
        straight: decoded points of the straight line, as many as the path has.
    """

    graph: LatentGraph
    path: Path
    straight: NDArray[Any]

    def as_dict(self) -> Config:
        """What there is to say about it in numbers."""
        ends = self.path.latents[[0, -1]]
        return {
            "length": self.path.length,
            "straight_length": float(np.linalg.norm(ends[1] - ends[0])),
            "longest_edge": self.path.longest_edge,
            "largest_jump": self.path.largest_jump,
            "lowest_log_density": self.path.lowest_log_density,
            "leaves_mass": self.path.leaves_mass,
            "num_points": len(self.path),
            "num_nodes": self.graph.num_nodes,
            "num_neighbors": self.graph.num_neighbors,
            "prune_fraction": self.graph.prune_fraction,
            "num_edges": len(self.graph.edges),
            "smoothness": _smoothness(self.path.decoded),
            "straight_smoothness": _smoothness(self.straight),
            "node_ids": self.path.node_ids,
        }


def interpolate(
    model: HierarchicalVAE, graph: LatentGraph, x_a: NDArray[Any], x_b: NDArray[Any]
) -> Interpolation:
    """Interpolate between two examples, each of shape event_shape, along the graph.

    Raises:
        NoPathError: if the graph does not connect the two.
    """
    path = graph.interpolate(x_a, x_b)
    weights = np.linspace(0.0, 1.0, max(len(path), 2))[:, None]
    line = (1.0 - weights) * path.latents[0] + weights * path.latents[-1]
    return Interpolation(graph, path, model.generate(line))


def choose_example(dataset: Dataset, split: str, value: float, by: str) -> int:
    """The position of the example that is meant.

    Args:
        dataset: the data.
        split: the split to choose from.
        value: a position, or a label: degrees where labels are angles, else the label itself.
        by: "index" or "label".

    Raises:
        DataError: if there is no such example.
    """
    count = len(examples_of(dataset, split))
    if by == "index":
        if not value.is_integer() or not 0 <= value < count:
            raise DataError(
                f"There is no {split} example {value:g}; expected a whole number from 0 to "
                f"{count - 1}."
            )
        return int(value)
    labels = labels_of(dataset, split)
    if labels is None:
        raise DataError(
            f"The {split} examples of {dataset.info.name!r} have no labels to choose by; choose "
            "by position with --by index."
        )
    if has_angles(dataset):
        offset = np.mod(labels - np.deg2rad(value) + np.pi, 2.0 * np.pi) - np.pi
        return int(np.abs(offset).argmin())
    found = np.flatnonzero(labels == value)
    if not found.size:
        known = ", ".join(f"{label:g}" for label in np.unique(labels)[:20])
        raise DataError(f"No {split} example has the label {value:g}; there are {known}.")
    return int(found[0])


def _smoothness(decoded: NDArray[Any]) -> float | None:
    """Mean smoothness factor over the output dimensions; None for a path of two points."""
    return float(smoothness(decoded).mean()) if len(decoded) > 2 else None
