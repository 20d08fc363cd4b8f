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
from hiervae.runs.data import examples_of, has_angles, labels_of
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


@dataclass(frozen=True)
class Ends:
    """Two examples of a split, and how they were chosen.

    Attributes:
        values: positions or labels as the user writes them, angles in degrees.
        by: "index" or "label".
        positions: those of the two examples in the split.
        unit: of the values, "degrees", "(index)" or "(label)".
    """

    values: tuple[float, float]
    by: str
    positions: list[int]
    unit: str

    @property
    def title(self) -> str:
        """The values in words."""
        start, end = self.values
        return f"from {start:g} to {end:g} {self.unit}"


def choose_ends(
    dataset: Dataset,
    split: str,
    start: float | None = None,
    end: float | None = None,
    by: str | None = None,
) -> Ends:
    """Choose the two examples of an interpolation.

    Args:
        dataset: the data.
        split: the split to choose from.
        start: a position, or a label: degrees where labels are angles, else the label itself.
        end: the same, for the other end. Without either, angles are 0 and 180 degrees, labels the
            lowest and the highest one, and positions the first and the middle one.
        by: "index" or "label"; None takes labels where they are angles or where no ends are given
            and there are several, and otherwise positions.

    Raises:
        DataError: if there are no such examples, or both ends are the same one.
    """
    angles = has_angles(dataset)
    if start is None or end is None:
        by = by or default_kind(dataset, split)
        start, end = _default_ends(dataset, split, by)
    by = by or ("label" if angles else "index")
    values = (start, end)
    positions = [
        choose_example(dataset, split, value, by, option)
        for option, value in zip(("--from", "--to"), values, strict=True)
    ]
    if positions[0] == positions[1]:
        raise DataError(
            f"--from {start:g} and --to {end:g} are both the {split} example {positions[0]}; "
            "expected two different ones. Leave both options out for two that differ."
        )
    unit = "degrees" if by == "label" and angles else f"({by})"
    return Ends(values, by, positions, unit)


def default_kind(dataset: Dataset, split: str) -> str:
    """What the ends are where none are given: "label" where there are several, else "index"."""
    labels = _numbers_of(dataset, split)
    several = labels is not None and (has_angles(dataset) or len(np.unique(labels)) > 1)
    return "label" if several else "index"


def _default_ends(dataset: Dataset, split: str, by: str) -> tuple[float, float]:
    labels = _numbers_of(dataset, split)
    if by == "index" or labels is None:
        return 0.0, float(len(examples_of(dataset, split)) // 2)
    if has_angles(dataset):
        return 0.0, 180.0
    return float(labels.min()), float(labels.max())


def choose_example(
    dataset: Dataset, split: str, value: float, by: str, option: str = "value"
) -> int:
    """Return the position of the example that is meant.

    Args:
        dataset: the data.
        split: the split to choose from.
        value: a position, or a label: degrees where labels are angles, else the label itself.
        by: "index" or "label".
        option: how to call `value` in errors.

    Raises:
        DataError: if there is no such example.
    """
    count = len(examples_of(dataset, split))
    labels = _numbers_of(dataset, split)
    name = dataset.info.name
    if by == "index":
        if not value.is_integer() or not 0 <= value < count:
            instead = "" if labels is None else ", or choose by label with --by label"
            raise DataError(
                f"{option} {value:g} is no position in the {split} split of {name!r}, which has "
                f"{count} examples; expected a whole number from 0 to {count - 1}{instead}."
            )
        return int(value)
    if labels is None:
        raise DataError(
            f"{option} {value:g} cannot be a label: the {split} examples of {name!r} have none "
            f"that is a number; expected a position from 0 to {count - 1}. Choose by position "
            "with --by index."
        )
    if has_angles(dataset):
        offset = np.mod(labels - np.deg2rad(value) + np.pi, 2.0 * np.pi) - np.pi
        return int(np.abs(offset).argmin())
    found = np.flatnonzero(labels == value)
    if not found.size:
        different = np.unique(labels)
        known = ", ".join(f"{label:g}" for label in different[:20])
        more = f" and {len(different) - 20} more" if len(different) > 20 else ""
        raise DataError(
            f"{option} {value:g} is no label of the {split} examples of {name!r}; expected one of "
            f"{known}{more}. Choose by position with --by index."
        )
    return int(found[0])


def _numbers_of(dataset: Dataset, split: str) -> NDArray[np.float64] | None:
    """The labels, as ends are given by them; None where there are none or they are text."""
    labels = labels_of(dataset, split)
    if labels is None or labels.dtype.kind not in "biuf":
        return None
    return labels.astype(np.float64)


def _smoothness(decoded: NDArray[Any]) -> float | None:
    """Mean smoothness factor over the output dimensions; None for a path of two points."""
    return float(smoothness(decoded).mean()) if len(decoded) > 2 else None
