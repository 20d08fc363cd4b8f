"""Pseudo-inputs, spread of the log-likelihood and training time (Tomczak & Welling 2018).

From the runs of `examples/reproduce.py` it draws the pseudo-inputs of a VampPrior with draws of
their components (Figure 4), and the log-likelihoods of the test examples under each prior as
histograms (Figure 7). With --time it trains two models beside each other, one under a
standard normal prior and one under a VampPrior of 500 components, and compares the CPU time of a
step; on a pinned core, or whatever else runs counts too.

    python examples/vamp_figures.py --runs runs --out docs/results/static_mnist_002
    KERAS_BACKEND=jax taskset -c 0 python examples/vamp_figures.py --time --out docs/results/static_mnist_002
    python examples/vamp_figures.py --smoke --out runs/smoke        # seconds; the numbers mean nothing

RUNS is the folder that reproduce.py was given. The folder OUT then holds pseudo_inputs.png,
log_likelihoods_vae.png and log_likelihoods_hvae.png of the runs that are there, or
training_time.json and training_time.png.
"""  # noqa: E501

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from common import steps_per_execution, write_results

import hiervae
from hiervae import plotting
from hiervae.evaluation import log_likelihood_histogram

NUM_COMPONENTS = 12
NUM_DRAWS = 8
MODELS = {"one level": "vamp_vae", "two levels": "vamp_hvae"}
PRIORS = {
    "standard_normal": {"name": "standard_normal"},
    "vamp": {"name": "vamp", "num_components": 500},
}


def draw_pseudo_inputs(model: hiervae.HierarchicalVAE, out: Path) -> None:
    """A row for each of some components: its scaled pseudo-input, and means of draws from it."""
    inputs = keras.ops.convert_to_numpy(model.prior.pseudo_inputs)
    inputs = inputs.reshape(-1, *model.event_shape)
    chosen = np.random.default_rng(0).permutation(len(inputs))[:NUM_COMPONENTS]
    largest = inputs.max(axis=tuple(range(1, inputs.ndim)), keepdims=True)
    shown = inputs / np.maximum(largest, 1e-6)
    rows = [np.concatenate([shown[k : k + 1], means_of_component(model, int(k))]) for k in chosen]
    plotting.image_grid(
        np.concatenate(rows),
        out / "pseudo_inputs.png",
        num_columns=1 + NUM_DRAWS,
        title="pseudo-inputs (left, scaled), and draws from their components",
        value_range=(0.0, 1.0),
    )


def means_of_component(model: hiervae.HierarchicalVAE, component: int) -> Any:
    """Means of x for draws from one component of the prior."""
    latents = model.sample_prior(NUM_DRAWS, seed=0, component=component)
    return model.generate(latents, sample=True, seed=0)


def draw_histograms(runs: Path, out: Path) -> None:
    """The log-likelihoods of the test examples that were scored with most samples."""
    for kind in ("vae", "hvae"):
        scores = {
            label: found
            for label, row in (("standard normal", "standard"), ("VampPrior", "vamp"))
            if (found := scores_of(runs / f"{kind}_{row}")) is not None
        }
        if len(scores) == 2:
            histogram = log_likelihood_histogram(scores)
            title = f"{kind.upper()}: log-likelihood of {len(scores['VampPrior'])} test examples"
            plotting.log_likelihood_histogram(histogram, out / f"log_likelihoods_{kind}.png", title)


def scores_of(row: Path) -> Any:
    """Log-likelihoods of a row's first seed in nats, None where it was not scored."""
    files = sorted(row.glob("seed-0.score.*.npz"), key=lambda path: int(path.suffixes[-2][1:]))
    if not files:
        return None
    with np.load(files[-1]) as content:
        return content["scores"]


def training_times(steps: int, rounds: int) -> dict[str, Any]:
    """CPU seconds of a training step under both priors, in turns, and their ratio."""
    x = (np.random.default_rng(0).random((100 * steps, 784)) < 0.13).astype("float32")
    found: dict[str, Any] = {"steps": steps, "rounds": rounds, "batch_size": 100}
    for title, name in MODELS.items():
        preset = hiervae.presets.get(name)
        models = {
            prior: replace(preset, model={**preset.model, "prior": settings}).build_model(
                (784,), 0, steps_per_execution(20)
            )
            for prior, settings in PRIORS.items()
        }
        seconds: dict[str, list[float]] = {prior: [] for prior in models}
        for number in range(rounds + 1):
            for prior, model in models.items():
                began = time.process_time()
                model.fit(x, batch_size=100, verbose=0)
                if number:  # the first one compiles
                    seconds[prior].append((time.process_time() - began) / steps)
        ratios = [b / a for a, b in zip(*seconds.values(), strict=True)]
        found[title] = {
            "seconds_per_step": {p: statistics.median(s) for p, s in seconds.items()},
            "ratio": statistics.median(ratios),
            "ratios": ratios,
        }
        ratio = found[title]["ratio"]
        print(f"{title}: a step under the VampPrior takes {ratio:.2f} times as long")
    return found


def draw_times(found: dict[str, Any], path: Path) -> None:
    """Bars of the CPU time of a step under each prior."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 3.2), layout="constrained")
    axes = figure.subplots()
    for index, (prior, label) in enumerate(
        zip(PRIORS, ("standard normal", "VampPrior"), strict=True)
    ):
        values = [1e3 * found[title]["seconds_per_step"][prior] for title in MODELS]
        axes.bar(np.arange(len(MODELS)) + 0.4 * (index - 0.5), values, 0.38, label=label)
    ratios = [f"{title}\nratio {found[title]['ratio']:.2f}" for title in MODELS]
    axes.set_xticks(range(len(MODELS)), ratios)
    axes.set_ylabel("CPU time of a step (ms)")
    axes.legend(frameon=False)
    figure.savefig(path)


def main() -> None:
    """Draw or time."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="See the top of this file."
    )
    parser.add_argument("--runs", type=Path, help="folder of the runs of reproduce.py")
    parser.add_argument("--experiment", default="static_mnist_002", help="(default %(default)s)")
    parser.add_argument("--time", action="store_true", help="compare the times of a training step")
    parser.add_argument("--out", type=Path, default=Path("runs/vamp_figures"))
    parser.add_argument("--smoke", action="store_true", help="a small untrained model")
    options = parser.parse_args()
    if options.runs is None and not options.time and not options.smoke:
        parser.error("name the folder of the runs by --runs, or give --time.")
    options.out.mkdir(parents=True, exist_ok=True)
    if options.smoke:
        model = hiervae.HierarchicalVAE(2, prior={"name": "vamp", "num_components": 20}, seed=0)
        model.build((None, 8, 8))
        draw_pseudo_inputs(model, options.out)
    if options.time or options.smoke:
        times = training_times(*((2, 1) if options.smoke else (200, 9)))
        write_results(options.out, times, "training_time.json")
        draw_times(times, options.out / "training_time.png")
    if options.runs is not None:
        rows = options.runs / options.experiment
        trained = rows / "hvae_vamp" / "seed-0" / "model.keras"
        if trained.is_file():
            draw_pseudo_inputs(keras.saving.load_model(trained), options.out)
        draw_histograms(rows, options.out)
    print(f"What was made is in {options.out}")


if __name__ == "__main__":
    main()
