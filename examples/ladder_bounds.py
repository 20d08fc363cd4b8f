"""The bound during training, with and without batch normalisation and warm-up.

The runs are rows of examples/configs/ladder_004, which `reproduce.py ladder_004 --runs RUNS`
trains: models of five levels on dynamic MNIST, bottom-up with neither, with batch normalisation,
and with a warm-up as well, and the ladder, which has both (Sønderby et al. 2016, Figure 2).

    python examples/ladder_bounds.py --runs runs --out docs/results/ladder_004

The folder OUT then holds training_bound.png and validation_bound.png, of the first seed: the ELBO
of one sample at beta = 1, of the rows that are there, from the tenth epoch on, since before it the
bounds rise by a hundred nats; and bounds.json with all the numbers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from common import write_results

from hiervae import plotting
from hiervae.runs.history import read_history

MODELS = {
    "bottom_up_5_plain": "bottom-up",
    "bottom_up_5_batch_norm": "bottom-up, BN",
    "bottom_up_5": "bottom-up, BN, warm-up",
    "ladder_5": "ladder, BN, warm-up",
}
FIRST_EPOCH = 10
BOUNDS = {"training": "elbo", "validation": "val_elbo"}


def main() -> None:
    """Draw the bounds."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="See the top of this file."
    )
    parser.add_argument("--runs", type=Path, required=True, help="folder of runs")
    parser.add_argument("--out", type=Path, default=Path("runs/ladder_bounds"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    files = {
        label: options.runs / "ladder_004" / row / "seed-0" / "history.csv"
        for row, label in MODELS.items()
    }
    histories = {label: read_history(file) for label, file in files.items() if file.is_file()}
    bounds = {
        which: {label: [row[key] for row in rows] for label, rows in histories.items()}
        for which, key in BOUNDS.items()
    }
    for which, curves in bounds.items():
        epochs = range(FIRST_EPOCH, 1 + len(next(iter(curves.values()))))
        plotting.training_curves(
            {label: curve[FIRST_EPOCH - 1 :] for label, curve in curves.items()},
            list(epochs),
            options.out / f"{which}_bound.png",
            title=f"{which} images",
            y_label="ELBO (nats per example)",
        )
    write_results(options.out, bounds, "bounds.json")


if __name__ == "__main__":
    main()
