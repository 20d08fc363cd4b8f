"""What the levels of a stacked hierarchy are for (Zhao et al. 2017, Figures 2 and 3).

In a bottom-up hierarchy x -> z_1 -> z_2 -> z_3 the lowest level alone could give the distribution
of the data, were the ELBO at its optimum: by a Gibbs chain that draws z_1 from q(z_1 | x) and x
from p(x | z_1) in turn (Proposition 1). Here it starts from noise, beside samples of the whole
model. What the noise of each level changes is seen in a sweep, which draws that of one level anew
in each image and holds all others'.

    KERAS_BACKEND=jax python examples/stacked.py --data-dir DATA --out runs/stacked
    python examples/stacked.py --smoke --out runs/smoke        # seconds; the numbers mean nothing

The data are static MNIST, of which DATA (or the folder that the environment variable HIERVAE_DATA
names) has the files. The folder then holds gibbs_chain.png, gibbs_samples.png, stacked_samples.png,
noise_sweep_level_1.png to noise_sweep_level_3.png, stacked.json and stacked.keras. stacked.json has
what part of the images each level's noise changes: the mean squared change of an image when the
noise of this level is drawn anew, relative to two independent draws of the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from common import load_binary_images, steps_per_execution, training_options, write_results

import hiervae
from hiervae import plotting
from hiervae.evaluation import gibbs_chain, kl_profile, noise_sweep

LATENT_DIMS = (20, 10, 5)
SHOWN_STEPS = (1, 2, 3, 4, 5, 10, 20, 30, 40, 50)
NUM_CHAINS = 64
NUM_SHOWN = 8


def made(seed: int) -> hiervae.HierarchicalVAE:
    """The model, compiled."""
    model = hiervae.HierarchicalVAE(
        latent_dims=LATENT_DIMS,
        inference="bottom_up",
        likelihood="bernoulli",
        network={"name": "mlp", "hidden_units": (512, 512), "batch_norm": True},
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(1e-3), steps_per_execution=steps_per_execution(20))
    return model


def effects(model: hiervae.HierarchicalVAE, num: int) -> list[float]:
    """For each level, the mean squared change by its noise alone, relative to that by all."""
    draws = model.generate(model.sample_prior(2 * num**2, seed=1), sample=True, seed=1)
    whole = np.square(draws[::2] - draws[1::2]).mean()
    changes = []
    for level in range(1, model.num_levels + 1):
        images = noise_sweep(model, level, num=num)
        images = images.reshape(-1, 2, *images.shape[2:])
        changes.append(float(np.square(images[:, 0] - images[:, 1]).mean() / whole))
    return changes


def draw(model: hiervae.HierarchicalVAE, shape: tuple[int, ...], num: int, out: Path) -> None:
    """All pictures."""
    limits = {"value_range": (0.0, 1.0)}
    noise = np.random.default_rng(0).integers(0, 2, (NUM_CHAINS, *shape)).astype("float32")
    chain = gibbs_chain(model, noise, num_steps=SHOWN_STEPS[-1], seed=0)
    kept = np.concatenate([noise[None], chain.means[np.array(SHOWN_STEPS) - 1]])
    rows = kept[:, :NUM_SHOWN].swapaxes(0, 1)
    plotting.image_grid(
        rows.reshape(-1, *shape),
        out / "gibbs_chain.png",
        num_columns=rows.shape[1],
        title=f"start, and means after {', '.join(map(str, SHOWN_STEPS))} steps",
        **limits,
    )
    title = f"after {SHOWN_STEPS[-1]} steps of the Gibbs chain of level 1"
    plotting.image_grid(chain.means[-1], out / "gibbs_samples.png", title=title, **limits)
    samples = model.generate(model.sample_prior(NUM_CHAINS, seed=1), sample=True, seed=1)
    plotting.image_grid(
        samples, out / "stacked_samples.png", title="samples of the model", **limits
    )
    for level in range(1, model.num_levels + 1):
        images = noise_sweep(model, level, num=num)
        plotting.image_grid(
            images.reshape(-1, *shape),
            out / f"noise_sweep_level_{level}.png",
            num_columns=num,
            title=f"noise of level {level} of {model.num_levels} drawn anew, the others' held",
            **limits,
        )


def main() -> None:
    """Train, measure and draw."""
    options = training_options(__doc__.splitlines()[0], 40, "runs/stacked")

    data = load_binary_images(options.data_dir, options.smoke)
    train, test, epochs, num = data.train, data.test, options.epochs, 10
    if options.smoke:
        train, test, epochs, num = train[:200], test[:50], 1, 2
    model = made(options.seed)
    warm_up = hiervae.callbacks.BetaController("linear_warmup", epochs=max(1, epochs // 4))
    keras.utils.set_random_seed(options.seed)  # the order of the batches
    model.fit(train, batch_size=100, epochs=epochs, callbacks=[warm_up], verbose=2)
    model.save(options.out / "stacked.keras")
    draw(model, data.info.event_shape, num, options.out)
    record: dict[str, Any] = {
        "epochs": epochs,
        "seed": options.seed,
        "training_images": len(train),
        "test_images": len(test),
        "latent_dims": model.latent_dims,
        "elbo": float(model.elbo(test, num_samples=1, seed=0).mean()),
        "kl": [term.value for term in kl_profile(model, test).terms],
        "effects": effects(model, num),
    }
    write_results(options.out, record, "stacked.json")

    print(f"\ntest ELBO {record['elbo']:.2f} nats")
    print(f"{'level':<8}{'KL (nats)':>12}{'effect':>10}")
    for level, row in enumerate(zip(record["kl"], record["effects"], strict=True), start=1):
        print("{:<8}{:>12.3f}{:>10.3f}".format(level, *row))
    print(f"pictures, stacked.keras and results.json are in {options.out}")


if __name__ == "__main__":
    main()
