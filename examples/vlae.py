"""What the levels of a variational ladder autoencoder stand for (Zhao et al. 2017).

The preset "vlae" has three levels of two latents, all governed by one standard normal. They differ
in how deep the networks are that lead to and from them, so that factors which are simple to infer
end up in the lowest level and abstract ones in the highest: on MNIST, the paper has the width of
the stroke, the width and slant, and the digit itself. That is looked at by traversals, which show
a grid over one level with the others drawn anew in every cell; and it is measured, as the part that
each level has in the images: how much they change when this level is drawn anew and the others are
held, relative to drawing all of them anew. How separate the factors are is told by class, slant and
width of the stroke, measured on decoded draws of the prior: by what share of a factor's entropy a
unit tells (mutual information), and by the mutual information gap (Chen et al. 2018).

    KERAS_BACKEND=jax python examples/vlae.py --data-dir DATA --out runs/vlae
    python examples/vlae.py --smoke --out runs/smoke        # seconds; the numbers mean nothing

The data are MNIST digits in grey values, of which DATA (or the folder that the environment variable
HIERVAE_DATA names) has the files. The networks are convolutions: without a GPU an epoch takes many
minutes.

The folder then holds traversal_level_1.png to traversal_level_3.png, samples.png,
reconstructions.png, factors.png, results.json and vlae.keras.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from common import load_grey_images, steps_per_execution, training_options, write_results
from digits import DigitClassifier, measured_factors

import hiervae
from hiervae import plotting
from hiervae.evaluation import active_units, disentanglement, kl_profile, traversal

Labelled = tuple[Any, Any]
NUM_DRAWS = 500
NUM_MEASURED = 5000


def effects(model: hiervae.HierarchicalVAE, num_draws: int) -> list[float]:
    """For each level, the mean squared change of the images when it alone is drawn anew.

    In units of the change when all levels are. With one level that does all it is 1.
    """
    dims = np.cumsum(model.latent_dims)[:-1]
    first = np.split(model.sample_prior(num_draws, seed=0), dims, axis=1)
    second = np.split(model.sample_prior(num_draws, seed=1), dims, axis=1)
    images = model.decode(first)
    whole = np.square(model.decode(second) - images).mean()
    changes = []
    for level in range(model.num_levels):
        mixed = [*first]
        mixed[level] = second[level]
        changes.append(float(np.square(model.decode(mixed) - images).mean() / whole))
    return changes


def separation(
    model: hiervae.HierarchicalVAE, train: Labelled, test: Labelled, num_images: int, out: Path
) -> dict[str, Any]:
    """What each unit tells of class, slant and width of decoded draws of the prior, also drawn."""
    classifier = DigitClassifier(*train)
    latents = model.sample_prior(num_images, seed=2)
    measured = measured_factors(model.generate(latents), classifier)
    factors = {name: values for name, values in measured.items() if np.ptp(values) > 0}
    scores = disentanglement(latents, np.stack(list(factors.values()), axis=1))
    units = [
        f"level {level}, unit {unit}"
        for level, size in enumerate(model.latent_dims, start=1)
        for unit in range(1, size + 1)
    ]
    plotting.disentanglement(scores, out / "factors.png", list(factors), units)
    return {
        "images": num_images,
        "classifier_accuracy": float((classifier(test[0]) == test[1]).mean()),
        "factors": list(factors),
        "entropies": scores.entropies.tolist(),
        "information": scores.information.tolist(),
        "mig": scores.mig,
        "gaps": scores.gaps.tolist(),
        "disentanglement": scores.disentanglement,
        "completeness": scores.completeness,
    }


def draw(model: hiervae.HierarchicalVAE, test: Any, num: int, out: Path) -> None:
    """All pictures."""
    limits = {"value_range": (0.0, 1.0)}
    for level in range(1, model.num_levels + 1):
        images = traversal(model, level, num=num)
        plotting.image_grid(
            images.reshape(-1, *images.shape[2:]),
            out / f"traversal_level_{level}.png",
            num_columns=images.shape[1],
            title=f"level {level} of {model.num_levels}, the others drawn in every cell",
            **limits,
        )
    means = model.generate(model.sample_prior(64, seed=1))
    plotting.image_grid(means, out / "samples.png", **limits)
    chosen = test[np.random.default_rng(0).permutation(len(test))[:20]]
    reconstructed = model.predict(chosen, verbose=0)
    plotting.reconstructions(chosen, reconstructed, out / "reconstructions.png", **limits)


def main() -> None:
    """Train, measure and draw."""
    options = training_options(__doc__.splitlines()[0], 8, "runs/vlae")

    data = load_grey_images(options.data_dir, options.smoke)
    train, test, epochs, num, num_draws = data.train, data.test, options.epochs, 20, NUM_DRAWS
    num_measured = NUM_MEASURED
    if options.smoke:
        train, test, epochs, num, num_draws = train[:200], test[:50], 1, 4, 16
        num_measured = 100
    preset = hiervae.presets.get("vlae", dataset="mnist")
    keras.utils.set_random_seed(options.seed)  # the order of the batches
    model = preset.build_model(data.info.event_shape, options.seed, steps_per_execution(20))
    model.fit(
        train,
        batch_size=preset.training["batch_size"],
        epochs=epochs,
        callbacks=preset.callbacks(),
        verbose=2,
    )
    model.save(options.out / "vlae.keras")
    draw(model, test, num, options.out)
    record = {
        "epochs": epochs,
        "seed": options.seed,
        "training_images": len(train),
        "test_images": len(test),
        "latent_dims": model.latent_dims,
        "elbo": float(model.elbo(test, num_samples=1, seed=0).mean()),
        "kl": [term.value for term in kl_profile(model, test).terms],
        "active_units": active_units(model, test).counts,
        "effects": effects(model, num_draws),
    }
    if data.train_labels is not None:
        labelled = train, data.train_labels[: len(train)]
        of_test = test, data.test_labels[: len(test)]
        record["separation"] = separation(model, labelled, of_test, num_measured, options.out)
    write_results(options.out, record)

    print(f"\ntest ELBO {record['elbo']:.2f} nats")
    print(f"{'level':<8}{'KL (nats)':>12}{'active':>10}{'effect':>10}")
    for level, row in enumerate(
        zip(record["kl"], record["active_units"], record["effects"], strict=True), start=1
    ):
        print("{:<8}{:>12.3f}{:>10}{:>10.3f}".format(level, *row))
    print(f"pictures, vlae.keras and results.json are in {options.out}")


if __name__ == "__main__":
    main()
