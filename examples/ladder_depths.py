"""The bounds against the number of levels (Sønderby et al. 2016, Figure 3).

The figures are those that `reproduce.py ladder_004` recorded: of the bottom-up model with neither
batch normalisation nor warm-up, with batch normalisation, and with both, and of the ladder with
both, on dynamic MNIST. A ladder of one level is the bottom-up model.

    python examples/ladder_depths.py --out docs/results/ladder_004

The folder OUT then holds depths.png, of the first seed: the ELBO of the training images in the
epoch that was kept, the ELBO of the test images, and their log-likelihood by importance samples,
of the rows that are there; and depths.json with the numbers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from common import write_results
from matplotlib.figure import Figure
from reproduction.records import RESULTS

LEVELS = (1, 2, 3, 4, 5)
MODELS = {
    "bottom-up": "bottom_up_{}_plain",
    "bottom-up, BN": "bottom_up_{}_batch_norm",
    "bottom-up, BN, warm-up": "bottom_up_{}",
    "ladder, BN, warm-up": "ladder_{}",
}
STYLES = (("#999933", "^"), ("#cc6677", "s"), ("#332288", "o"), ("#117733", "D"))
PANELS = {
    "training images": "ELBO (nats)",
    "test images": "ELBO (nats)",
    "test images, importance samples": "log-likelihood (nats)",
}


def bounds_of(record: dict[str, Any]) -> dict[str, float]:
    """What the panels show of a row, of its first seed."""
    metrics = record["seeds"][0]["metrics"]
    values = (
        -metrics["training"]["loss"],
        metrics["test"]["elbo"],
        -metrics["score"]["negative_log_likelihood"],
    )
    return dict(zip(PANELS, values, strict=True))


def draw(found: dict[str, dict[int, dict[str, float]]], path: Path) -> None:
    """A panel for each bound, and in it a line for each model."""
    figure = Figure(figsize=(10.5, 3.8), layout="constrained")
    for axes, (panel, unit) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        for (title, by_depth), (colour, marker) in zip(found.items(), STYLES, strict=True):
            values = [bounds[panel] for bounds in by_depth.values()]
            axes.plot(list(by_depth), values, color=colour, marker=marker, label=title)
        axes.set_xticks(LEVELS)
        axes.set_xlabel("number of levels")
        axes.set_ylabel(unit)
        axes.set_title(panel, fontsize="medium")
        axes.grid(color="#dddddd")
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, frameon=False, loc="outside lower center", ncols=len(names))
    figure.savefig(path, dpi=120)


def main() -> None:
    """Read the records and draw them."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="See the top of this file."
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the records")
    parser.add_argument("--out", type=Path, default=Path("runs/ladder_depths"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[int, dict[str, float]]] = {}
    for title, row in MODELS.items():
        files = {
            level: options.results / "ladder_004" / f"{row.format(level)}.json" for level in LEVELS
        }
        found[title] = {
            level: bounds_of(json.loads(file.read_text(encoding="utf-8")))
            for level, file in files.items()
            if file.is_file()
        }
    draw(found, options.out / "depths.png")
    write_results(options.out, found, "depths.json")


if __name__ == "__main__":
    main()
