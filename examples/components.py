"""ELBO and active units against the number of components of the prior (Tomczak & Welling 2018).

Trains the two-level model of the preset "vamp_hvae" under a standard normal prior, and under
mixtures of Gaussians and VampPriors of several numbers K of components, everything else alike
(Figures 2 and 3). A unit is active where its posterior mean varies over the test images by more
than 0.01 (Burda et al. 2016). The ELBO is the mean over the test images, in nats.

    KERAS_BACKEND=jax python examples/components.py --data-dir DATA --out runs/components
    python examples/components.py --smoke --out runs/smoke    # seconds; the numbers mean nothing

The data are static MNIST, of which DATA (or the folder that the environment variable HIERVAE_DATA
names) has the files. The learning rate falls from 2e-3 to 0 by a cosine, and beta rises to 1 in the
first quarter of the epochs. All numbers are of the end of the last epoch.

The folder then holds components.json, components_elbo.png and components_active_units.png. A model
that the record has already, with the same epochs and seed, is not trained again.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
from common import load_binary_images, steps_per_execution, training_options, write_results

import hiervae
from hiervae.callbacks import BetaController
from hiervae.evaluation import active_units

RECORD = "components.json"
STANDARD = "standard normal"
MIXTURES = {"mixture of Gaussians": "mixture_of_gaussians", "VampPrior": "vamp"}
NUM_COMPONENTS = (20, 100, 500)
BATCH_SIZE = 100
COLOURS = ("#332288", "#cc6677")
MARKERS = ("o", "s")


def models(numbers: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    """The settings of each prior, by the name it has in the record."""
    found = {STANDARD: {"name": "standard_normal"}}
    for number in numbers:
        for title, name in MIXTURES.items():
            found[f"{title}, K = {number}"] = {"name": name, "num_components": number}
    return found


def measure(prior: dict[str, Any], data: Any, epochs: int, seed: int) -> dict[str, Any]:
    """Train the model under a prior; its ELBO and the active units of each level."""
    keras.utils.set_random_seed(seed)
    preset = hiervae.presets.get("vamp_hvae", dataset="static_mnist")
    steps = epochs * -(-len(data.train) // BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=steps)
    model = replace(
        preset,
        model={**preset.model, "prior": prior},
        optimizer={
            **preset.optimizer,
            "config": {"learning_rate": keras.saving.serialize_keras_object(rate)},
        },
    ).build_model(data.info.event_shape, seed, steps_per_execution(20))
    model.fit(
        data.train,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        callbacks=[BetaController("linear_warmup", epochs=epochs / 4)],
        verbose=2,
    )
    metrics = model.evaluate(data.test, batch_size=BATCH_SIZE, verbose=0, return_dict=True)
    return {"elbo": metrics["elbo"], "active_units": list(active_units(model, data.test).counts)}


def draw(found: dict[str, Any], numbers: tuple[int, ...], out: Path, caption: str) -> None:
    """A line for each kind of mixture, and the standard normal as a dashed one."""
    from matplotlib.figure import Figure

    depth = len(found[STANDARD]["active_units"])
    for name, unit, panels in (
        ("components_elbo.png", "test ELBO (nats)", [lambda each: each["elbo"]]),
        (
            "components_active_units.png",
            "active units",
            [lambda each, level=level: each["active_units"][level] for level in range(depth)],
        ),
    ):
        figure = Figure(figsize=(1.4 + 3.4 * len(panels), 3.4), layout="constrained")
        row = figure.subplots(1, len(panels), squeeze=False)[0]
        for level, (axes, value) in enumerate(zip(row, panels, strict=True), start=1):
            for title, colour, marker in zip(MIXTURES, COLOURS, MARKERS, strict=True):
                values = [value(found[f"{title}, K = {number}"]) for number in numbers]
                axes.plot(numbers, values, marker=marker, color=colour, label=title)
            axes.axhline(value(found[STANDARD]), color="#555555", linestyle="--", label=STANDARD)
            axes.set_xscale("log")
            axes.set_xticks(numbers, [str(number) for number in numbers])
            axes.minorticks_off()
            axes.set_xlabel("number of components K")
            if len(panels) > 1:
                axes.set_title(f"level {level}", fontsize="medium")
        row[0].set_ylabel(unit)
        handles, names = row[0].get_legend_handles_labels()
        place = {"loc": "outside lower center", "ncols": len(names)}
        figure.legend(handles, names, frameon=False, fontsize="small", **place)
        figure.suptitle(caption, fontsize="medium")
        figure.savefig(out / name, dpi=120)


def main() -> None:
    """Train every model that the record has not, and draw."""
    options = training_options(__doc__.splitlines()[0], 12, "runs/components")
    data = load_binary_images(options.data_dir, options.smoke)
    epochs, numbers = options.epochs, NUM_COMPONENTS
    if options.smoke:
        epochs, numbers = 1, (2,)
        data = hiervae.datasets.Dataset(data.train[:200], data.valid, data.test[:100], data.info)
    protocol = {"epochs": epochs, "seed": options.seed, "test_images": len(data.test)}
    path = options.out / RECORD
    record = json.loads(path.read_text()) if path.is_file() else {}
    found = record["models"] if all(record.get(k) == v for k, v in protocol.items()) else {}
    for name, prior in models(numbers).items():
        if name not in found:
            print(f"{name}: {epochs} epochs", flush=True)
            found[name] = measure(prior, data, epochs, options.seed)
            write_results(options.out, {**protocol, "models": found}, RECORD)
        units = " and ".join(map(str, found[name]["active_units"]))
        print(f"{name}: ELBO {found[name]['elbo']:.2f} nats, {units} active units", flush=True)
    caption = f"HVAE on {len(data.test)} test images after {epochs} epochs"
    draw(found, numbers, options.out, caption)
    print(f"\nthe pictures and the record are in {options.out}")


if __name__ == "__main__":
    main()
