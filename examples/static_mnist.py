"""The VHP with REWO on statically binarised MNIST: train, score, interpolate.

The preset "vhp" is trained through `compile` and `fit`, with everything a long training wants: the
beta rule, TensorBoard curves, early stopping and a checkpoint of the best epoch. Then log p(x) of
test images is estimated by importance sampling, and two test digits are interpolated along a graph
on prior samples.

    KERAS_BACKEND=jax python examples/static_mnist.py --data-dir DATA --out runs/static_mnist
    tensorboard --logdir runs/static_mnist/events
    python examples/static_mnist.py --smoke --out runs/smoke    # seconds; the numbers mean nothing

The three files `binarized_mnist_*.amat` are looked for in DATA (or in the folder that the
environment variable HIERVAE_DATA names); if they are missing the error says where to get them. The
whole training takes some hours on two cores, and --epochs shortens it. The paper (Klushyn et al.
2019, its Table 2) has -82.74 nats with 5,000 importance samples on all 10,000 test images. To be
done in minutes, the default here is a random thousand of them; their standard error is printed.

The folder then holds best.keras, events/, metrics.json, reconstructions.png, samples.png and
interpolation.png.
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
from hiervae.callbacks import BetaController, TensorBoard
from hiervae.manifold import LatentGraph, smoothness


def callbacks(preset: Any, out: Path) -> list[keras.callbacks.Callback]:
    """What steers and watches the training."""
    checkpoint = keras.callbacks.ModelCheckpoint(
        out / "best.keras", monitor="val_loss", save_best_only=True
    )
    early_stopping = keras.callbacks.EarlyStopping(
        "val_loss",
        patience=preset.training["early_stopping_patience"],
        restore_best_weights=True,
    )
    return [
        BetaController(preset.scheduler),
        TensorBoard(out / "events"),
        checkpoint,
        early_stopping,
    ]


def main() -> None:
    """Train, score and interpolate."""
    summary = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(description=summary, epilog="See the top of this file.")
    parser.add_argument("--data-dir", type=Path, help="folder of the data files")
    parser.add_argument("--epochs", type=int, help="at most; the preset's by default")
    parser.add_argument("--num-samples", type=int, default=5000, help="importance samples")
    parser.add_argument("--test-images", type=int, default=1000, help="how many to score")
    parser.add_argument("--out", type=Path, default=Path("runs/static_mnist"))
    parser.add_argument("--smoke", action="store_true", help="one epoch on few images")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    data = load_binary_images(options.data_dir, options.smoke)
    train, valid, test = data.train, data.valid, data.test
    preset = hiervae.presets.get("vhp", dataset="static_mnist")
    epochs = options.epochs or preset.training["epochs"]
    num_samples, num_scored, num_nodes = options.num_samples, options.test_images, 1000
    if options.smoke:
        train, valid, test = train[:600], valid[:200], test[-200:]
        epochs, num_samples, num_scored, num_nodes = 1, 10, 50, 200

    model = preset.build_model(
        data.info.event_shape, seed=0, steps_per_execution=steps_per_execution(20)
    )
    model.summary()
    model.fit(
        train,
        batch_size=preset.training["batch_size"],
        epochs=epochs,
        validation_data=(valid,),
        callbacks=callbacks(preset, options.out),
        verbose=2,
    )

    # The test images are sorted by digit, so the ones to score are drawn at random.
    scored = np.random.default_rng(0).permutation(len(test))[:num_scored]
    scores = model.log_likelihood(test[scored], num_samples=num_samples, seed=0, verbose=1)
    standard_error = scores.std() / np.sqrt(len(scores))
    print(f"log p(x) = {scores.mean():.2f} +- {standard_error:.2f} nats, a lower bound:")
    print(f"  {num_samples} importance samples, {len(scores)} test images")

    graph = LatentGraph.from_prior(model, num_nodes=num_nodes, num_neighbors=10)
    path = graph.interpolate(test[0], test[-1])
    weights = np.linspace(0.0, 1.0, len(path))[:, None]
    straight = model.generate((1.0 - weights) * path.latents[0] + weights * path.latents[-1])
    strips = {"graph": path, "straight line": straight}
    plotting.interpolation_strip(strips, options.out / "interpolation.png")
    reconstructed = model.predict(test[scored[:10]], verbose=0)
    plotting.reconstructions(test[scored[:10]], reconstructed, options.out / "reconstructions.png")
    plotting.image_grid(model.sample(64, seed=1), options.out / "samples.png")

    metrics = {
        "log_likelihood_nats": float(scores.mean()),
        "standard_error_nats": float(standard_error),
        "num_samples": num_samples,
        "test_images": len(scores),
        "test": model.evaluate(test, verbose=0, return_dict=True),
        "path_length": path.length,
    }
    if len(path) > 2:
        metrics["smoothness"] = float(smoothness(path.decoded).mean())
    write_results(options.out, metrics, "metrics.json")
    print(f"best.keras, events, metrics.json and pictures are in {options.out}")


if __name__ == "__main__":
    main()
