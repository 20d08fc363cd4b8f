"""How many interpolations leave the manifold: straight lines, the paper's graph, pruned graphs.

    KERAS_BACKEND=jax hiervae train --preset vhp --dataset pendulum --out runs/pendulum
    KERAS_BACKEND=jax python -m benchmarks.interpolation runs/pendulum --out interpolation.json

Several run folders of the pendulum may be given. On each, 100 random pairs of test examples are
interpolated on 5 graphs of prior samples, by each rule: the straight line (as many frames as the
paper's path has), the paper's plain graph (`prune_fraction=0`), and graphs with a share of the
samples pruned. A frame is compared with the pendulum rendered at each of 4096 angles; the nearest
one gives its squared error and its angle. A path leaves the manifold if a frame's error is above 4
times the 99th percentile of that of the test examples' reconstructions.

Columns: paths that left; pairs without a path; paths that `interpolate` warns of; mean length in
latent units; angle travelled by the decoded pendulum relative to the true arc (the shorter one
between the two labels), median and mean; the longest edge in latent units; the largest jump between
successive frames in degrees, and as `Path.largest_jump`.

Exit status 1 if at the default share more than 1 % of the paths leave the manifold on some run.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hiervae import manifold
from hiervae.datasets import render_pendulum
from hiervae.manifold.codec import Codec
from hiervae.manifold.density import density_floor, points_along
from hiervae.manifold.latent_graph import PRUNE_FRACTION
from hiervae.runs.results import open_run

BOUND = 0.01
ANGLES = np.linspace(0.0, 2.0 * np.pi, 4096, endpoint=False)

FloatArray = NDArray[np.float64]


class Pendulums:
    """Rendered pendulums to compare frames with."""

    def __init__(self, image_size: int) -> None:
        self.images = render_pendulum(ANGLES, image_size).reshape(len(ANGLES), -1)
        self.norms = np.square(self.images).sum(axis=1)

    def nearest(self, frames: Any) -> tuple[FloatArray, FloatArray]:
        """Squared error to the nearest rendered pendulum and its angle, each (n,)."""
        errors, angles = [], []
        for rows in np.array_split(np.asarray(frames), -(-len(frames) // 2048)):
            flat = rows.reshape(len(rows), -1)
            scores = self.norms - 2.0 * flat @ self.images.T
            best = scores.argmin(axis=1)
            errors.append(np.square(flat - self.images[best]).sum(axis=1))
            angles.append(ANGLES[best])
        return np.concatenate(errors).astype("float64"), np.concatenate(angles)


def wrapped(difference: Any) -> Any:
    """The difference of two angles, the short way round."""
    return np.mod(difference + np.pi, 2.0 * np.pi) - np.pi


def measure(
    model: Any, pendulums: Pendulums, paths: list[FloatArray], arcs: FloatArray, limit: float
) -> dict[str, FloatArray]:
    """What is measured of each of n paths (m, d): arrays of shape (n,)."""
    cuts = np.cumsum([len(path) for path in paths])[:-1]
    decoded = model.generate(np.concatenate(paths))
    errors, angles = pendulums.nearest(decoded)
    frames = np.split(decoded.reshape(len(decoded), -1).astype("float64"), cuts)
    steps = [np.linalg.norm(np.diff(path, axis=0), axis=1) for path in paths]
    turns = [np.abs(wrapped(np.diff(part))) for part in np.split(angles, cuts)]
    changes = [np.sqrt(np.square(np.diff(part, axis=0)).mean(axis=1)) for part in frames]
    return {
        "left": np.array([(part > limit).any() for part in np.split(errors, cuts)], float),
        "length": np.array([step.sum() for step in steps]),
        "travel": np.array([turn.sum() for turn in turns]) / arcs,
        "longest_edge": np.array([step.max() for step in steps]),
        "jump_degrees": np.degrees([turn.max() for turn in turns]),
        "largest_jump": np.array([change.max() for change in changes]),
    }


def measure_run(folder: str, options: argparse.Namespace) -> dict[str, Any]:
    """Everything about one run; prints its table."""
    opened = open_run(folder)
    model, test, labels = opened.model, opened.dataset.test, opened.dataset.test_labels
    pendulums = Pendulums(opened.dataset.info.event_shape[0])
    latents = model.governed_latent(model.encode(test)).astype("float64")
    limit = 4.0 * float(np.percentile(pendulums.nearest(model.generate(latents))[0], 99))
    generator = np.random.default_rng(options.seed)
    ends = np.stack(
        [generator.choice(len(test), 2, replace=False) for _ in range(options.num_pairs)]
    )
    arcs = np.abs(wrapped(labels[ends[:, 0]] - labels[ends[:, 1]]))
    density = Codec.of_model(model).log_density
    found: dict[str, list[dict[str, FloatArray]]] = {}
    unreachable: dict[str, int] = {}
    for seed in range(options.num_graphs):
        for fraction in sorted({0.0, *options.fractions}):
            name = f"pruned {fraction:g}" if fraction else "paper's graph"
            graph = manifold.LatentGraph.from_prior(
                model, options.num_nodes, options.num_neighbors, seed, fraction
            )
            found_paths = graph.shortest_paths(latents[ends])
            reached = [index for index, path in enumerate(found_paths) if path is not None]
            paths = [path.latents for path in found_paths if path is not None]
            unreachable[name] = unreachable.get(name, 0) + len(ends) - len(reached)
            row = measure(model, pendulums, paths, arcs[reached], limit)
            floor = density_floor(density, graph.nodes)
            points = [points_along(path) for path in paths]
            values = np.split(
                density(np.concatenate(points)), np.cumsum([len(part) for part in points])[:-1]
            )
            row["warned"] = np.array([part.min() < floor for part in values], float)
            found.setdefault(name, []).append(row)
            if not fraction:
                weights = [np.linspace(0.0, 1.0, len(path))[:, None] for path in paths]
                lines = [
                    (1.0 - weight) * path[0] + weight * path[-1]
                    for weight, path in zip(weights, paths, strict=True)
                ]
                row = measure(model, pendulums, lines, arcs[reached], limit)
                found.setdefault("straight line", []).append(row)
    print(f"\n{folder}: trained on {opened.config.versions.get('backend', 'unknown')}")
    print(
        f"{'rule':<16}{'left':>10}{'no path':>8}{'warned':>8}{'length':>8}{'travel/arc':>13}"
        f"{'edge':>7}{'jump':>7}{'jump':>7}"
    )
    record = {}
    for name, rows in sorted(found.items(), key=lambda item: item[0] != "straight line"):
        joined = {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}
        record[name] = summary = {
            "paths": len(joined["left"]),
            "left": int(joined["left"].sum()),
            "unreachable": unreachable.get(name, 0),
            "warned": int(joined["warned"].sum()) if "warned" in joined else None,
            "mean_length": float(joined["length"].mean()),
            "median_travel_to_arc": float(np.median(joined["travel"])),
            "mean_travel_to_arc": float(joined["travel"].mean()),
            "longest_edge": float(joined["longest_edge"].max()),
            "largest_jump_degrees": float(joined["jump_degrees"].max()),
            "largest_jump": float(joined["largest_jump"].max()),
        }
        warned = "" if summary["warned"] is None else summary["warned"]
        travel = f"{summary['median_travel_to_arc']:.3f} {summary['mean_travel_to_arc']:.3f}"
        print(
            f"{name:<16}{summary['left']:>5} /{summary['paths']:>4}{summary['unreachable']:>7}"
            f"{warned:>8}{summary['mean_length']:>8.2f}{travel:>14}{summary['longest_edge']:>7.2f}"
            f"{summary['largest_jump_degrees']:>6.0f}°{summary['largest_jump']:>7.3f}",
            flush=True,
        )
    return {"run": folder, "limit": limit, "rules": record}


def main() -> int:
    """Measure each run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", help="run folders of the pendulum, training finished")
    parser.add_argument("--num-pairs", type=int, default=100)
    parser.add_argument("--num-graphs", type=int, default=5, help="of seeds 0, 1, ...")
    parser.add_argument("--num-nodes", type=int, default=1000)
    parser.add_argument("--num-neighbors", type=int, default=10)
    parser.add_argument(
        "--fractions", type=float, nargs="+", default=[PRUNE_FRACTION], help="shares to prune"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the pairs")
    parser.add_argument("--out", type=Path, help="write a JSON record to this file")
    options = parser.parse_args()
    runs = [measure_run(folder, options) for folder in options.runs]
    if options.out is not None:
        settings = {key: value for key, value in vars(options).items() if key != "out"}
        record = {"backend": keras.backend.backend(), "settings": settings, "runs": runs}
        options.out.write_text(json.dumps(record, indent=2) + "\n")
    default = f"pruned {PRUNE_FRACTION:g}"
    shares = [
        (run["rules"][default]["left"] + 0.0) / run["rules"][default]["paths"]
        for run in runs
        if default in run["rules"]
    ]
    return int(any(share > BOUND for share in shares))


if __name__ == "__main__":
    sys.exit(main())
