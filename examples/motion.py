"""Human motion: three models, their latent spaces, interpolations and how smooth these are.

The runs are rows of examples/configs/cmu_mocap, which `reproduce.py cmu_mocap --runs RUNS` trains:
the VHP with REWO, the VampPrior and the IWAE on five motions of the CMU database, fifty angles
per frame, two latents (Klushyn et al. 2019, section 4.2). Interpolations go along the paper's plain
graph of 1,000 prior samples and 10 neighbours.

    KERAS_BACKEND=jax python examples/motion.py --runs RUNS --out docs/results/cmu_mocap

Of the first seed it draws latent_graph_<model>.png with four paths (Figure 5), the frames of the
first path in skeletons_<model>.png and walking_to_punching_<model>.gif (Figure 6), and
smoothness.png (Figure 7: mean and standard deviation over 10 graphs of 100 pairs of test
frames). smoothness.json has every seed there is, and pairs of training frames too.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from common import write_results
from PIL import Image

from hiervae import plotting
from hiervae.datasets.motion import CMU_LAYOUT, expand_joint_angles, save_animation
from hiervae.datasets.sets.cmu_mocap import load_skeleton
from hiervae.errors import NoPathError
from hiervae.manifold import LatentGraph, SmoothnessProfile, smoothness_profile
from hiervae.runs.results import open_run

MODELS = {"vhp": "VHP + REWO", "vamp": "VampPrior", "iwae": "IWAE"}
PARTS = {"head and torso": 18, "right arm": 9, "left arm": 9, "right leg": 7, "left leg": 7}
PAIRS = (("walking", "punching"), ("walking", "walking"), ("jogging", "kicking"))
PAIRS += (("balancing", "walking"),)
NUM_FRAMES = 10


def ends(dataset: Any, pair: tuple[str, str]) -> tuple[Any, Any]:
    """A test frame of each motion; of one motion its first and its middle one."""
    names = list(dataset.info.label_names)
    first, second = (np.flatnonzero(dataset.test_labels == names.index(name)) for name in pair)
    return dataset.test[first[0]], dataset.test[second[len(second) // 2]]


def draw(key: str, opened: Any, skeleton: Any, out: Path) -> None:
    """Figures 5 and 6 of one model."""
    model, dataset = opened.model, opened.dataset
    graph = LatentGraph.from_prior(model, prune_fraction=0.0)
    paths = {}
    for pair in PAIRS:
        try:
            paths[" to ".join(pair)] = graph.interpolate(*ends(dataset, pair))
        except NoPathError as error:
            print(f"{MODELS[key]}, {pair}: {error}")
    plotting.latent_space(
        model.encode(dataset.test)[0],
        path=out / f"latent_graph_{key}.png",
        graph=graph,
        interpolations=list(paths.values()),
        path_names=list(paths),
        title=f"{MODELS[key]}: paths between motions",
    )
    if not paths:
        return
    degrees = dataset.normalisation.undo(next(iter(paths.values())).decoded)
    positions = skeleton.positions(expand_joint_angles(degrees), CMU_LAYOUT)
    animation = out / f"walking_to_punching_{key}.gif"
    save_animation(skeleton, positions, animation, frame_rate=15.0, size=200)
    with Image.open(animation) as frames:
        shown = np.linspace(0, frames.n_frames - 1, NUM_FRAMES).round().astype(int)
        strip = Image.new("RGB", (frames.width * NUM_FRAMES, frames.height), "white")
        for place, number in enumerate(shown):
            frames.seek(int(number))
            strip.paste(frames.convert("RGB"), (place * frames.width, 0))
    strip.save(out / f"skeletons_{key}.png")


def describe(profile: SmoothnessProfile) -> dict[str, Any]:
    """Smoothness by part of the body, for the record."""
    starts = np.cumsum([0, *PARTS.values()])
    parts = zip(PARTS, starts[:-1], starts[1:], strict=True)
    return {
        "mean": float(profile.mean.mean()),
        "std": float(profile.std.mean()),
        "parts": {name: float(profile.mean[low:high].mean()) for name, low, high in parts},
        "num_paths": profile.num_paths,
        "num_unreachable": profile.num_unreachable,
        "num_short": profile.num_short,
    }


def main() -> None:
    """Draw and measure."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(description=summary, epilog="See the top of this file.")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--out", type=Path, required=True, help="folder of the figures")
    parser.add_argument("--graphs", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=100)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    skeleton = load_skeleton("35")
    profiles: dict[str, SmoothnessProfile] = {}
    measured: dict[str, list[dict[str, Any]]] = {}
    for key, name in MODELS.items():
        measured[name] = []
        for run in sorted((options.runs / "cmu_mocap" / key).glob("seed-*/config.json")):
            opened = open_run(run.parent)
            if name not in profiles:
                draw(key, opened, skeleton, options.out)
            for frames in ("test", "train"):
                profile = smoothness_profile(
                    opened.model,
                    getattr(opened.dataset, frames),
                    options.graphs,
                    options.pairs,
                    prune_fraction=0.0,
                )
                profiles.setdefault(name, profile)
                entry = {"run": run.parent.name, "frames": frames, **describe(profile)}
                measured[name].append(entry)
                print(name, entry, flush=True)
    plotting.smoothness(
        profiles,
        options.out / "smoothness.png",
        PARTS,
        x_label="joint angle",
        title=f"{options.graphs} graphs, {options.pairs} pairs of test frames each",
    )
    write_results(options.out, {"models": measured}, "smoothness.json")


if __name__ == "__main__":
    main()
