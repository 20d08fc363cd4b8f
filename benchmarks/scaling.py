"""Cost against K, S, L, batch size and width, beside what the products' count gives.

    KERAS_BACKEND=jax python -m benchmarks.scaling --out docs/benchmarks/scaling/jax

For each quantity the rest is held; every value has a process of its own, and they do their rounds
in turns on one core. The slope is that of the logarithm of the CPU time between the two largest
values, where fixed costs matter least; that of the theory is of the counted operations of the
matrix products. Writes OUT.json and, with Matplotlib, OUT.svg; the theory's line goes through the
measured cost of the largest value.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import records, worker
from benchmarks.rows import OWN
from benchmarks.statistics import Summary, interleave
from benchmarks.worker import Job

CURVES = {
    "components": ("VampPrior: components K", (125, 250, 500, 1000, 2000)),
    "samples": ("log-likelihood: samples S", (1250, 2500, 5000, 10000)),
    "levels": ("bottom-up stack: levels L", (1, 2, 4, 8)),
    "batch": ("training step: batch size", (50, 100, 200, 400, 800)),
    "width": ("training step: hidden units", (150, 300, 600, 1200)),
}
_STEPS = 8


def prepare(name: str, subject: str, size: int, seed: int, smoke: bool) -> Job:
    """Prepare one value of a curve: training steps, or the log-likelihood of ten examples."""
    from benchmarks import models
    from benchmarks.training import flop_of

    batch = size if name == "batch" else 100
    components = size if name == "components" else 0
    changes: dict[str, Any] = {}
    if name == "components":
        changes["prior"] = {"name": "vamp", "num_components": size}
    elif name == "levels":
        changes |= {"latent_dims": (models.LATENTS,) * size, "inference": "bottom_up"}
    elif name == "width":
        changes["network"] = {**models.GATED, "hidden_units": (size, size)}
    model = models.build("standard", seed, _STEPS, **changes)
    if name == "samples":
        x = models.examples("standard", 10, seed)
        scheme = model.inference
        encoder = models.products(scheme.encoders[-1]) + models.products(scheme.posterior_heads[-1])
        flop = 2.0 * size * (models.products(model) - encoder)
        return Job(lambda: model.log_likelihood(x, size, verbose=0), len(x), flop)
    x = models.examples("standard", _STEPS * batch, seed)
    flop = flop_of(model, batch, components)
    return Job(lambda: model.fit(x, batch_size=batch, verbose=0), _STEPS, flop)


def measure(name: str, backend: str, rounds: int, seed: int) -> list[dict[str, float]]:
    """Cost and counted operations of a unit for each value of a curve."""
    values = CURVES[name][1]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                worker.started(f"scaling/{name}", OWN, backend, value, seed, False, 1)
            )
            for value in values
        ]
        costs = interleave([each.round for each in workers], rounds)
        points = []
        for value, each, taken in zip(values, workers, costs, strict=True):
            cpu = Summary.of([cost.cpu / each.facts["units"] for cost in taken])
            points.append({"value": value, "cpu_s": cpu.median, "flop": each.facts["flop"]})
        return points


def slopes(points: list[dict[str, float]]) -> tuple[float, float]:
    """Slopes of measured cost and of counted operations between the two largest values."""
    before, last = points[-2:]
    span = math.log(last["value"] / before["value"])
    cost = math.log(last["cpu_s"] / before["cpu_s"]) / span
    return cost, math.log(last["flop"] / before["flop"]) / span


def draw(curves: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Draw all curves with the theory's lines."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    figure = Figure(figsize=(3.0 * len(curves), 3.0), layout="constrained")
    for number, (name, points) in enumerate(curves.items(), 1):
        axes = figure.add_subplot(1, len(curves), number)
        values = [point["value"] for point in points]
        scale = points[-1]["cpu_s"] / points[-1]["flop"]
        axes.loglog(values, [1e3 * point["cpu_s"] for point in points], "o", label="measured")
        theory = [1e3 * scale * point["flop"] for point in points]
        axes.loglog(values, theory, "-", label="products counted")
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.minorticks_off()
        axes.set_xlabel(CURVES[name][0])
    figure.axes[0].set_ylabel("CPU time (ms)")
    figure.axes[0].legend()
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=CURVES, default=list(CURVES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="where to write, without a suffix")
    options = parser.parse_args()
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    curves = {}
    print("| quantity | measured slope | counted slope |\n| --- | --- | --- |")
    for name in options.only:
        curves[name] = measure(name, backend, options.rounds, options.seed)
        cost, theory = slopes(curves[name])
        print(f"| {CURVES[name][0]} | {cost:.2f} | {theory:.2f} |", flush=True)
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "backend": backend,
            "commit": records.commit(),
            "versions": records.versions(),
            "machine": records.machine(),
            "curves": curves,
        }
        options.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
        draw(curves, options.out.with_suffix(".svg"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
