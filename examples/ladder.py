"""Which levels of a deep model are used: bottom-up inference against the ladder.

The presets "bottom_up_vae" and "ladder_vae" (Sønderby et al. 2016) have the same five levels of
64, 32, 16, 8 and 4 latents, the same networks, batch normalisation and warm-up. They differ in how
they infer: from the data upwards, each level from the one below, or also from the generative model
downwards. In the paper the upper levels of the bottom-up model carry almost no information, and
those of the ladder do. This is measured by the KL divergence of each level, and by the number of
active units of each: those whose posterior mean varies over the data by more than 0.01.

    KERAS_BACKEND=jax python examples/ladder.py --data-dir DATA --out runs/ladder
    KERAS_BACKEND=jax python examples/ladder.py --epochs 200 --warmup-epochs 50 --num-samples 5000
    python examples/ladder.py --smoke --out runs/smoke      # seconds; the numbers mean nothing

The data are static MNIST, of which DATA (or the folder that the environment variable HIERVAE_DATA
names) has the files. The paper trains for 2000 epochs of dynamically binarised digits and warms up
for 200 of them; the defaults here, 40 and 10, show the order of the two methods rather than their
limits. All numbers are of the test images, in nats per example, at beta = 1.

The folder then holds kl_per_level.png, kl_per_unit.png (the paper's Figure 5), results.json, and
bottom_up_vae.keras and ladder_vae.keras.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import keras
import numpy as np
from common import load_binary_images, steps_per_execution, write_results

import hiervae
from hiervae import plotting
from hiervae.callbacks import BetaController
from hiervae.evaluation import KLProfile, active_units, kl_profile

PRESETS = ("bottom_up_vae", "ladder_vae")
NUM_SCORED = 1000


def train(
    preset: Any, data: Any, epochs: int, warmup_epochs: float, seed: int
) -> hiervae.HierarchicalVAE:
    """The model at the end of its last epoch."""
    keras.utils.set_random_seed(seed)  # the order of the batches
    model = preset.build_model(data.info.event_shape, seed, steps_per_execution(20))
    model.fit(
        data.train,
        batch_size=preset.training["batch_size"],
        epochs=epochs,
        callbacks=[BetaController("linear_warmup", epochs=warmup_epochs)],
        verbose=2,
    )
    return model


def measure(
    model: hiervae.HierarchicalVAE, test: Any, num_samples: int
) -> tuple[KLProfile, dict[str, Any]]:
    """Where the model spends its KL, and that with all else that was measured, for the record."""
    profile = kl_profile(model, test)
    record: dict[str, Any] = {
        "elbo": float(model.elbo(test, num_samples=1, seed=0).mean()),
        "kl": [term.value for term in profile.terms],
        "active_units": active_units(model, test).counts,
    }
    if num_samples:
        # The test images are sorted by digit, so the ones to score are drawn at random.
        scored = test[np.random.default_rng(0).permutation(len(test))[:NUM_SCORED]]
        scores = model.log_likelihood(scored, num_samples=num_samples, seed=0, verbose=1)
        record["log_likelihood"] = {
            "mean": float(scores.mean()),
            "standard_error": float(scores.std(ddof=1) / np.sqrt(len(scores))),
            "num_samples": num_samples,
            "images": len(scores),
        }
    return profile, record


def print_table(latent_dims: tuple[int, ...], measured: dict[str, dict[str, Any]]) -> None:
    """KL and active units a level, the top level first, one pair of columns a model."""
    print("".join([f"\n{'':<24}", *(f"{name:>22}" for name in measured)]))
    print(f"{'level':<24}" + f"{'KL (nats)':>12}{'active':>10}" * len(measured))
    for level, size in reversed(list(enumerate(latent_dims, start=1))):
        cells = [
            f"{record['kl'][level - 1]:>12.3f}{record['active_units'][level - 1]:>10}"
            for record in measured.values()
        ]
        print(f"{f'{level} ({size} latents)':<24}" + "".join(cells))
    totals = [
        f"{sum(record['kl']):>12.3f}{sum(record['active_units']):>10}"
        for record in measured.values()
    ]
    print(f"{'all':<24}" + "".join(totals))
    print(f"{'test ELBO':<24}" + "".join(f"{r['elbo']:>12.3f}{'':>10}" for r in measured.values()))
    scores = [record.get("log_likelihood") for record in measured.values()]
    if all(scores):
        cells = [f"{s['mean']:>12.3f}{'+-':>5}{s['standard_error']:<5.2f}" for s in scores if s]
        print(f"{'log p(x), lower bound':<24}" + "".join(cells))


def main() -> None:
    """Train both, measure and draw."""
    summary = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(description=summary, epilog="See the top of this file.")
    parser.add_argument("--data-dir", type=Path, help="folder of the data files")
    parser.add_argument("--epochs", type=int, default=40, help="of each model (default 40)")
    parser.add_argument("--warmup-epochs", type=float, default=10, help="beta from 0 to 1")
    parser.add_argument(
        "--num-samples",
        type=int,
        default=0,
        help=f"importance samples for log p(x) of {NUM_SCORED} test images; 0 leaves it out",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/ladder"))
    parser.add_argument("--smoke", action="store_true", help="two epochs on few images")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    data = load_binary_images(options.data_dir, options.smoke)
    epochs, warmup_epochs = options.epochs, options.warmup_epochs
    if options.smoke:
        epochs, warmup_epochs = 2, 1
        data = hiervae.datasets.Dataset(data.train[:512], data.valid, data.test[:100], data.info)
    profiles, measured = {}, {}
    for name in PRESETS:
        preset = hiervae.presets.get(name, dataset="static_mnist")
        print(f"{name}: {epochs} epochs, warm-up over {warmup_epochs:g}", flush=True)
        model = train(preset, data, epochs, warmup_epochs, options.seed)
        model.save(options.out / f"{name}.keras")
        profiles[name], measured[name] = measure(model, data.test, options.num_samples)
        record = {
            "epochs": epochs,
            "warmup_epochs": warmup_epochs,
            "seed": options.seed,
            "training_images": len(data.train),
            "test_images": len(data.test),
            "latent_dims": model.latent_dims,
            "models": measured,
        }
        write_results(options.out, record)
    title = f"{len(data.test)} test images after {epochs} epochs"
    plotting.kl_levels(profiles, options.out / "kl_per_level.png", title)
    plotting.kl_units(profiles, options.out / "kl_per_unit.png", title)
    print_table(model.latent_dims, measured)
    print(f"\npictures, models and results.json are in {options.out}")


if __name__ == "__main__":
    main()
