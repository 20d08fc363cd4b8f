"""Which latent units a hierarchical prior leaves in use: REWO against a warm-up of beta.

The preset "vhp" (Klushyn et al. 2019) has two stochastic levels, the latents z and, in the prior,
zeta. The paper reports that REWO leads to a similar number of active units as a warm-up (section
4.3, appendix D.2). Here one model is trained under each of the two rules, and a unit counts as
active when its posterior mean varies over the test images by more than 0.01 (Burda et al. 2016).
For zeta that is the mean of q(zeta | z) at the posterior mean of z.

    KERAS_BACKEND=jax python examples/active_units.py --data-dir DATA --out runs/active_units
    python examples/active_units.py --smoke --out runs/smoke    # seconds; the numbers mean nothing

The data are static MNIST, of which DATA (or the folder that the environment variable HIERVAE_DATA
names) has the files. Half of the epochs are the warm-up. All numbers are of the test images after
the last epoch, when beta is 1 under either rule, in nats per example.

The folder then holds active_units.png and active_units.json.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from common import load_binary_images, steps_per_execution, training_options, write_results

import hiervae
from hiervae import plotting
from hiervae.callbacks import BetaController
from hiervae.evaluation import ActiveUnits, active_units

LEVELS = ("z", "zeta")


def train(
    rule: BetaController, data: Any, epochs: int, seed: int
) -> tuple[hiervae.HierarchicalVAE, float]:
    """The model at the end of its last epoch, and beta then."""
    keras.utils.set_random_seed(seed)
    preset = hiervae.presets.get("vhp", dataset="static_mnist")
    model = preset.build_model(data.info.event_shape, seed, steps_per_execution(20))
    history = model.fit(
        data.train,
        batch_size=preset.training["batch_size"],
        epochs=epochs,
        callbacks=[rule],
        verbose=2,
    )
    return model, history.history["beta"][-1]


def activity(model: hiervae.HierarchicalVAE, test: Any) -> ActiveUnits:
    """Variances of the posterior means of z, and of those of zeta at them."""
    units = active_units(model, test)
    (latents,) = model.encode(test)
    means = keras.ops.convert_to_numpy(model.prior.proposal(latents).mean)
    return ActiveUnits((*units.variances, means.var(axis=0, dtype=np.float64)), units.threshold)


def main() -> None:
    """Train under both rules, measure and draw."""
    options = training_options(__doc__.splitlines()[0], 20, "runs/active_units")
    data = load_binary_images(options.data_dir, options.smoke)
    epochs = options.epochs
    if options.smoke:
        epochs = 2
        data = hiervae.datasets.Dataset(data.train[:512], data.valid, data.test[:100], data.info)
    preset = hiervae.presets.get("vhp", dataset="static_mnist")
    rules = {
        "REWO": BetaController(preset.scheduler),
        "warm-up": BetaController("linear_warmup", epochs=epochs / 2),
    }
    found, record = {}, {}
    for name, rule in rules.items():
        print(f"{name}: {epochs} epochs", flush=True)
        model, beta = train(rule, data, epochs, options.seed)
        found[name] = activity(model, data.test)
        metrics = model.evaluate(data.test, batch_size=100, verbose=0, return_dict=True)
        record[name] = {
            "beta": beta,
            "elbo": metrics["elbo"],
            "active_units": dict(zip(LEVELS, found[name].counts, strict=True)),
            "variances": {
                level: np.sort(variances)[::-1].tolist()
                for level, variances in zip(LEVELS, found[name].variances, strict=True)
            },
        }
        print(record[name]["active_units"], f"ELBO {metrics['elbo']:.2f} nats", flush=True)
        protocol = {"epochs": epochs, "seed": options.seed, "test_images": len(data.test)}
        write_results(options.out, {**protocol, "rules": record}, "active_units.json")
    plotting.active_units(
        found,
        options.out / "active_units.png",
        f"VHP on {len(data.test)} test images after {epochs} epochs",
        LEVELS,
    )
    print(f"\nthe picture and the record are in {options.out}")


if __name__ == "__main__":
    main()
